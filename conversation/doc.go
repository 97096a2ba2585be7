// Package conversation is the domain of the daemon: what a conversation is, which states it goes through, what was said
// in it and what was found in what was said. It holds data and pure functions and imports only the standard library.
//
// It does not know how audio travels, how speech is recognised or where anything is stored. Its JSON tags are the public
// event format: the store, the WebSocket feed and the webhooks carry these types unchanged.
package conversation
