/**
 * The cases of every advertised API. The type demands an entry for each API; a test demands that no entry is
 * empty.
 */
import type { apis } from '@millrace/protocol';
import * as admin from './admin.ts';
import * as configs from './alter-configs.ts';
import type { ApiCases } from './api-cases.ts';
import * as consumers from './consumer-group.ts';
import * as data from './data.ts';
import * as describe from './describe.ts';
import * as groups from './group-admin.ts';
import * as members from './members.ts';
import * as offsets from './offsets.ts';

const ofTopics = { ...data, ...admin, ...describe, ...configs };
const ofGroups = { ...members, ...offsets, ...groups, ...consumers };

export const casesByApi: Record<keyof typeof apis, ApiCases> = { ...ofTopics, ...ofGroups };

/**
 * The two lanes run at the same time. This is possible because the cases of one lane change topics and
 * configs, and those of the other lane change groups.
 */
export const lanes: readonly Partial<Record<keyof typeof apis, ApiCases>>[] = [ofTopics, ofGroups];
