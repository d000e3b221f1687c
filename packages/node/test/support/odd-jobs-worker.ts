/** The entry point of a worker thread that runs the jobs of odd-jobs.ts. */
import type { JobKind } from '@millrace/base';
import { serveJobs } from '../../src/io/serve-jobs.ts';
import { devour, die, fail, reverse, wait } from './odd-jobs.ts';

serveJobs([reverse, fail, die, devour, wait] as JobKind<never, unknown>[]);
