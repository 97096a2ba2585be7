// Package api is the HTTP surface of the daemon: the REST operations with their OpenAPI 3.1 document, the WebSocket that
// carries conversation events, recordings, metrics and health. It renders the domain types unchanged and maps domain errors to
// RFC 9457 problems in one place (problem.go).
//
// It owns no data and places no calls: everything it shows comes through the interfaces in seams.go. It does not listen
// either; the composition root serves Server.Handler and sets the connection timeouts.
package api

//go:generate go run ./internal/openapi openapi.yaml
