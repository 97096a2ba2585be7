// Package jobs runs durable background work. It wraps a River client over the daemon's SQLite database, so that a job is
// inserted in the same transaction as the data it is about and survives a crash.
//
// It knows no kind of job: whoever has work to do adds workers to the river.Workers bundle before Start and inserts jobs
// through Queue.InsertTx. What it owns is the life of the client: migrations, polling, rescue of jobs cut off by a crash,
// removal of finished jobs, and a stop that ends in bounded time.
//
// River learns of new jobs on SQLite by polling, because SQLite has no LISTEN/NOTIFY and a job inserted in a
// transaction is visible only once somebody else commits it. The poll interval therefore is the latency of a job.
package jobs
