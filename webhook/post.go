package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxResponseBytes is how much of a response is read. Its content is not used; reading it lets the connection be kept.
const maxResponseBytes = 16 << 10

// poster makes single attempts over HTTP.
type poster struct {
	client    *http.Client
	timeout   time.Duration
	userAgent string
}

// newPoster returns a poster that follows no redirect: a receiver that moved should be configured anew, and one that is
// taken over must not be able to send our requests elsewhere.
func newPoster(timeout time.Duration, userAgent string) *poster {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment, // the one convention for proxies that every HTTP client of a machine shares
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    timeout,
		MaxResponseHeaderBytes: maxResponseBytes,
	}
	return &poster{timeout: timeout, userAgent: userAgent, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what became of one attempt: a response or an error.
type answer struct {
	code       int
	err        error
	retryAfter time.Duration
}

func (a answer) accepted() bool { return a.err == nil && a.code >= 200 && a.code < 300 }

// problem says in words why the attempt failed, or nothing.
func (a answer) problem() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.accepted():
		return ""
	}
	return fmt.Sprintf("the endpoint answered %d %s", a.code, http.StatusText(a.code))
}

// post sends d once and waits for the response, no longer than the timeout.
func (p *poster) post(ctx context.Context, e *endpoint, d Delivery) answer {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	request, err := p.request(ctx, e, d)
	if err != nil {
		return answer{err: err}
	}
	response, err := p.client.Do(request)
	if err != nil {
		return answer{err: p.explain(err)}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxResponseBytes)) // the status has said it all
	return answer{code: response.StatusCode, retryAfter: retryAfter(response.Header.Get("Retry-After"))}
}

func (p *poster) request(ctx context.Context, e *endpoint, d Delivery) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(d.payload))
	if err != nil {
		return nil, errors.New("the endpoint's URL is not usable")
	}
	now := time.Now()
	signature, err := e.sign(d.WebhookID, now, d.payload)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", p.userAgent)
	request.Header.Set(standardwebhooks.HeaderWebhookID, d.WebhookID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

// explain puts an error of the HTTP client in words without the URL, which may hold credentials.
func (p *poster) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", p.timeout)
	}
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		return urlErr.Err
	}
	return err
}

// retryAfter reads the header in its form of seconds (RFC 9110 section 10.2.3); anything else asks for nothing.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.ParseUint(header, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// Close closes the connections that are kept for later deliveries. Deliveries still work after it.
func (s *Sender) Close() { s.poster.client.CloseIdleConnections() }
