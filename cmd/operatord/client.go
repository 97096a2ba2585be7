package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to the API of a running daemon. Its fields are flags of every command that does.
type Client struct {
	Server string `help:"Address of the daemon's API." default:"http://127.0.0.1:8080" env:"OPERATORD_SERVER_URL"`
	Token  string `help:"Bearer token of the API." env:"OPERATORD_SERVER_TOKEN"`
}

// requestTimeout bounds one request to the daemon.
const requestTimeout = 30 * time.Second

// maxAnswerBytes bounds what is read of an answer: 500 large trackers fit.
const maxAnswerBytes = 256 << 20

// userAgent tells the daemon that a request comes from the command line.
func userAgent() string { return "operatord-cli/" + version }

// request is one request below /api/v1.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	mediaType    string // of the body; application/json if empty
}

// reply is a successful answer.
type reply struct {
	header http.Header
	body   []byte
}

// send returns the answer to a request, or an error with what the daemon says is wrong.
func (c *Client) send(ctx context.Context, r request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	address := strings.TrimSuffix(c.Server, "/") + "/api/v1" + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	out, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return reply{}, err
	}
	out.Header = c.header()
	maps.Copy(out.Header, r.header)
	if len(r.body) > 0 {
		out.Header.Set("Content-Type", "application/json")
	}
	if r.mediaType != "" {
		out.Header.Set("Content-Type", r.mediaType)
	}
	response, err := http.DefaultClient.Do(out)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return reply{}, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return reply{}, refusal(response.Status, body)
	}
	return reply{header: response.Header, body: body}, nil
}

// header returns the headers of every request.
func (c *Client) header() http.Header {
	h := http.Header{"User-Agent": {userAgent()}}
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
	return h
}

// refusal is the error for an answer that is none: what the problem details (RFC 9457) in it say.
func refusal(status string, body []byte) error {
	var problem struct {
		Detail string
		Errors []struct{ Location, Message string }
	}
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("%s: %s", status, strings.TrimSpace(string(body[:min(len(body), 4096)])))
	}
	lines := []string{status + ": " + problem.Detail}
	if len(problem.Errors) > 1 {
		for _, e := range problem.Errors {
			lines = append(lines, e.Location+": "+e.Message)
		}
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// sendJSON sends in as JSON, if it is not nil, and decodes the answer into out.
func (c *Client) sendJSON(ctx context.Context, r request, in, out any) (reply, error) {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return reply{}, err
		}
		r.body = body
	}
	answer, err := c.send(ctx, r)
	if err != nil || out == nil {
		return answer, err
	}
	if err := json.Unmarshal(answer.body, out); err != nil {
		return answer, fmt.Errorf("decode the answer: %w", err)
	}
	return answer, nil
}
