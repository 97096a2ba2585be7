package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/operatord/operatord/conversation"
)

// secretPrefix marks a symmetric secret in the Standard Webhooks specification, which asks for 24 to 64 bytes behind it.
const (
	secretPrefix   = "whsec_"
	minSecretBytes = 16
)

// endpoint is a checked Endpoint with what is known of it while the daemon runs.
type endpoint struct {
	name    string
	url     string
	signers []*standardwebhooks.Webhook
	events  []conversation.EventType
	slots   chan struct{} // one token per delivery in flight; its capacity is the limit; nobody closes it
	gone    atomic.Bool   // it answered 410: nothing more is sent to it until the daemon starts again
}

func newEndpoints(given []Endpoint, maxInFlight int) ([]*endpoint, error) {
	var endpoints []*endpoint
	var errs []error
	names := map[string]bool{}
	for i, g := range given {
		e, err := newEndpoint(g, maxInFlight)
		if err == nil && names[g.Name] {
			err = errors.New("its name is used twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("webhook endpoint %d (%q): %w", i+1, g.Name, err))
			continue
		}
		names[g.Name] = true
		endpoints = append(endpoints, e)
	}
	return endpoints, errors.Join(errs...)
}

func newEndpoint(given Endpoint, maxInFlight int) (*endpoint, error) {
	if given.Name == "" {
		return nil, errors.New("no name")
	}
	target, err := url.Parse(given.URL)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return nil, errors.New("url: want http or https with a host")
	}
	signers, err := newSigners(given.Secrets)
	if err != nil {
		return nil, err
	}
	return &endpoint{
		name: given.Name, url: given.URL, signers: signers, events: slices.Clone(given.Events),
		slots: make(chan struct{}, maxInFlight),
	}, nil
}

// newSigners decodes the secrets. Its errors never show one.
func newSigners(secrets []string) ([]*standardwebhooks.Webhook, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret")
	}
	signers := make([]*standardwebhooks.Webhook, 0, len(secrets))
	for _, secret := range secrets {
		if len(strings.TrimPrefix(secret, secretPrefix)) < minSecretBytes*4/3 {
			return nil, fmt.Errorf("secret: shorter than %d bytes", minSecretBytes)
		}
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("secret: want " + secretPrefix + " and base64")
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

// wants reports whether ev is to be sent to e. A match that names e among its reactions is, whatever the types e is sent.
func (e *endpoint) wants(ev conversation.Event) bool {
	named := conversation.Reaction{Type: conversation.ReactionWebhook, Target: e.name}
	switch {
	case ev.Type == conversation.EventTrackerMatched && ev.Match != nil && slices.Contains(ev.Match.Reactions, named):
		return true
	case len(e.events) == 0:
		return ev.Type != conversation.EventUtterancePartial
	}
	return slices.Contains(e.events, ev.Type)
}

// acquire takes a slot, or returns false if as many deliveries as allowed are in flight.
func (e *endpoint) acquire() bool {
	select {
	case e.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (e *endpoint) release() { <-e.slots }

// sign returns the webhook-signature header: one signature per secret, separated by spaces.
func (e *endpoint) sign(id string, at time.Time, payload []byte) (string, error) {
	signatures := make([]string, 0, len(e.signers))
	for _, signer := range e.signers {
		signature, err := signer.Sign(id, at, payload)
		if err != nil {
			return "", fmt.Errorf("sign webhook: %w", err)
		}
		signatures = append(signatures, signature)
	}
	return strings.Join(signatures, " "), nil
}
