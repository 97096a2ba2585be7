// Package postcall works out what happened in a conversation after it has ended: timings, whether it was transferred,
// the customer's sentiment, and one sentence that sums it up. It runs as a durable job, enqueued in the transaction that
// records the end of the conversation.
//
// It reads the conversation through Source and hands the result to Sink, which stores and publishes it. It keeps nothing
// itself: running it twice gives the same analysis.
package postcall
