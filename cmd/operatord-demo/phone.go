package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/operatord/operatord/softphone"
)

// hangUpAfter is how long a caller listens after the last word before hanging up.
const hangUpAfter = time.Second

// placeCalls calls the daemon once for each sample, one call a while after the other, and returns when all are over.
func placeCalls(ctx context.Context, apart time.Duration, addr string, samples []sample) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range samples {
		group.Go(func() error {
			select {
			case <-time.After(time.Duration(i) * apart):
			case <-ctx.Done():
				return ctx.Err()
			}
			return placeCall(ctx, addr, s)
		})
	}
	return group.Wait()
}

// placeCall plays the caller's channel of a sample into a real call.
func placeCall(ctx context.Context, addr string, s sample) error {
	result, err := softphone.Call(ctx, softphone.CallOptions{
		Target: "sip:" + addr, To: s.Number, From: s.Name,
		Talk: softphone.Talk{WAV: s.WAV, Channel: 0, Pause: hangUpAfter},
	})
	if err != nil {
		return fmt.Errorf("call with %s: %w", s.Name, err)
	}
	if !result.Answered {
		return fmt.Errorf("call with %s was not answered: %d %s", s.Name, result.SIPCode, result.Reason)
	}
	return nil
}
