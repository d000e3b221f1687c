/**
 * The cases of every advertised API. The type demands an entry for each; a test demands that none is empty.
 */
import type { apis } from '@millrace/protocol';
import * as admin from './admin.ts';
import type { ApiCases } from './api-cases.ts';
import * as data from './data.ts';
import * as describe from './describe.ts';

export const casesByApi: Record<keyof typeof apis, ApiCases> = { ...data, ...admin, ...describe };
