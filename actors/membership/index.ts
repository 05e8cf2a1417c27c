// Law: the door of the membership room of the actors.
export {
  createView,
  type MembershipArgs,
  type MembershipMessage,
  type MutableView,
  membershipActor,
} from './membership.ts';
