// Command openapi writes the OpenAPI document of the API to the file it is given, for `go generate`.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the name of the file to write, got %d arguments", len(args))
	}
	daemon := apitest.New()
	server, err := api.New(api.Options{Version: "dev", Conversations: daemon, Feed: daemon, Health: daemon})
	if err != nil {
		return err
	}
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/openapi.yaml", nil)
	answer := httptest.NewRecorder()
	server.Handler().ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		return fmt.Errorf("the API answers %d: %s", answer.Code, answer.Body)
	}
	return os.WriteFile(args[0], answer.Body.Bytes(), 0o644)
}
