export {
  choice,
  type Message,
  type MessageType,
  optional,
  optionalNeverEmpty,
  repeated,
  unused,
} from './kinds.ts';
export { defineList, defineMessage, defineUnion } from './message.ts';
