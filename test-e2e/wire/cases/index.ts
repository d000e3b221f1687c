/**
 * The cases of every advertised API. The type demands an entry for each; a test demands that none is empty.
 */
import type { apis } from '@millrace/protocol';
import * as admin from './admin.ts';
import type { ApiCases } from './api-cases.ts';
import * as consumers from './consumer-group.ts';
import * as data from './data.ts';
import * as describe from './describe.ts';
import * as groups from './group-admin.ts';
import * as members from './members.ts';
import * as offsets from './offsets.ts';

const ofTopics = { ...data, ...admin, ...describe };
const ofGroups = { ...members, ...offsets, ...groups, ...consumers };

export const casesByApi: Record<keyof typeof apis, ApiCases> = { ...ofTopics, ...ofGroups };

/** The cases of one lane run at the same time as those of the other, because they change other things. */
export const lanes: readonly Partial<Record<keyof typeof apis, ApiCases>>[] = [ofTopics, ofGroups];
