/** The history that clients record, and the checkers that need only this history. */
export { historyCheckers } from './anomalies/index.ts';
export type { HistoryChecker, HistoryCheckerKind, HistoryScope } from './checker.ts';
export {
  type CommittedPart,
  type FinalBatch,
  type FinalLog,
  FinalLogs,
  type LogStart,
} from './final-logs.ts';
export {
  type AdminOp,
  type AskedDeletion,
  type AssignOp,
  type CommitOp,
  type DamagedBatch,
  type DeleteRecordsOp,
  type FetchOffsetOp,
  type GroupOp,
  History,
  type LostSequence,
  type MemberRef,
  type MembershipOp,
  type Micros,
  type Op,
  type Outcome,
  type PartitionRef,
  type PollOp,
  type SeenRecord,
  type SendOp,
  type TopicRef,
} from './history.ts';
export { type Judgement, type JudgeOptions, judgeHistory } from './judge.ts';
export { OFFSETS_TOPIC } from './offset-registers.ts';
export { Violation } from './violation.ts';
