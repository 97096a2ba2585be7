// Package webhook tells other systems what happens: it delivers conversation events to HTTP endpoints, signed as the
// Standard Webhooks specification says (https://www.standardwebhooks.com).
//
// # What is promised
//
// A delivery is recorded in the transaction that stores its event, so an event is delivered at least once or visibly given
// up, whatever crashes. The events of one conversation reach one endpoint one after the other in their order: a later one
// waits until the earlier one was accepted or given up. Between conversations, and between endpoints, there is no order and
// no waiting.
//
// # How
//
// The deliveries of one conversation to one endpoint form a lane: rows of the table webhook_delivery that are pending. A
// lane that is not empty has exactly one job, which sends the oldest row, then the next, until the lane is empty. Enqueue
// inserts the job together with the row that makes the lane non-empty; the job is completed in the transaction that settles
// the last row. After a failed attempt the job sleeps until the row's next attempt is due.
//
// The package does not choose what is worth an event, and does not keep endpoints: they are given to New.
package webhook
