export {
  type Call,
  type HeartbeatAnswer,
  type HeartbeatCall,
  type JoinAnswer,
  type JoinCall,
  joinError,
  joinOfNoGroup,
  type LeaveAnswer,
  type LeaveCall,
  lacksProtocol,
  leaveOfNoGroup,
  type SyncAnswer,
  type SyncCall,
  syncError,
} from './calls.ts';
export type { ClassicGroupSeams, ClassicGroupState } from './core.ts';
export type { DescribedGroup } from './describe.ts';
export type * from './events.ts';
export { ClassicGroup, type Committing } from './group.ts';
export type { ClassicGroupLimits } from './limits.ts';
export type { MemberFacts, MemberProtocol } from './member.ts';
export { type GroupValue, groupRecord, groupTombstone } from './record.ts';
