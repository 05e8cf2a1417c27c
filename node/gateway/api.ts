// Law: this is everything a client can ask of a node. HTTP/1.1 on the node's local socket; JSON bodies; errors are {error: ApiError}
// with a status that fits; `…/events` streams one JSON object per line and ends when the workflow has ended.
//
//   POST /v1/plans                    PlanRequest → PlanReply                      makes or checks a plan; nothing runs
//   PUT  /v1/blobs?name=NAME          raw bytes → BlobReply                        an input file, stored by content
//   GET  /v1/blobs/:digest            raw bytes
//   POST /v1/workflows                OpenRequest → OpenReply                      accepted: survives this node's death
//   GET  /v1/workflows                WorkflowSummary[]
//   GET  /v1/workflows/:id            WorkflowDetail                               :id may be a unique prefix
//   GET  /v1/workflows/:id/events     application/x-ndjson of WorkflowEvent        from the beginning, then live
//   GET  /v1/workflows/:id/certificate  the certificate file, once completed; the proof that there is no result, once failed
//   POST /v1/workflows/:id/cancel     {reason?, secret?} → WorkflowDetail
//   GET  /v1/audit?epoch=E&from=I     AuditReply                                   the log of an epoch, the current one's where none is named
//   GET  /v1/audit/evidence           EvidenceFile                                 what convicts members, for anybody to check; 404 where there is none
//   POST /v1/audit/proof              AuditProofRequest → AuditProofFile           409 `not_ready` where an entry is not logged yet
//   GET  /v1/bus                      BusReply                                     what carries the event bus, and its groups
//   POST /v1/bus/:topic               {events: [{key, data, id?}]} → {positions}   at most 1,000 events, `data` in base64; durable when answered
//   GET  /v1/bus/:topic?from=F        application/x-ndjson of BusEventReply        live until the client goes; F: new, first, or positions joined by ','
//   GET  /v1/bus/:topic/groups/:group?from=F  application/x-ndjson of BusGroupLine  joins the group as a consumer; F: first or new
//   POST /v1/bus/consumers/:consumer  {batch, isLast?} → {}                        handled: the next line may come; 409 where nothing waits for it
//   GET  /v1/status                   NodeStatus
//   GET  /v1/actors?overMs=T          ActorsReply                                  watches the node's actors for T ms (1,000; at most 60,000), then answers
//   GET  /v1/doctor                   DoctorReport
//   POST /v1/invites                  InviteRequest → InviteReply
//   GET  /v1/members                  MembersReply                                 who votes in the current epoch, and what is proposed of whom
//   POST /v1/members                  AmendRequest → MembersReply                  this member's word on what a member is to weigh
//   POST /v1/leave                    LeaveRequest → LeaveReply                    the members go on without this node; it still runs
//   POST /v1/stop                     {} → {}                                      drains and ends the process

export interface ApiError {
  /** Stable, for programs: `not_found`, `bad_request`, `abstained`, `needs_approval`, `denied`, `no_quorum`, `not_ready`, `expired`, `conflict`, `internal`. */
  readonly code: string;
  /** What happened, to what. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}
