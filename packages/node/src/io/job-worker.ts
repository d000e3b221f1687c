/** The entry of a worker thread: every kind of job that a node has. Also an entry of the published package. */
import { logJobs } from '@millrace/log';
import { compressionCodecs } from '@millrace/protocol/io';
import { serveJobs } from './serve-jobs.ts';

serveJobs(logJobs(compressionCodecs).all);
