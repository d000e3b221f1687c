export {
  type Choice,
  choice,
  type Flat,
  type Message,
  type MessageType,
  type NeverEmpty,
  type Optional,
  optional,
  optionalNeverEmpty,
  type Repeated,
  repeated,
  type Unused,
  unused,
} from './kinds.ts';
export { defineList, defineMessage, defineUnion } from './message.ts';
