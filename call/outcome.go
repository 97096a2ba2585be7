package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/operatord/operatord/conversation"
)

// The causes a call's context can end with. Each is turned into the conversation's end by endOf.
var (
	// ErrLegEnded ends a call whose leg is gone.
	ErrLegEnded = errors.New("leg ended")
	// ErrHangup ends a call that a person or client of the API hung up.
	ErrHangup = errors.New("hung up")
	// ErrPromptDone ends a call whose profile hangs up after its prompt.
	ErrPromptDone = errors.New("prompt played")
	// ErrMediaTimeout ends a call on which no RTP arrives.
	ErrMediaTimeout = errors.New("no media")
	// ErrMaxDuration ends a call that reached the longest allowed duration.
	ErrMaxDuration = errors.New("longest duration reached")
	// ErrMachine ends an outbound call that an answering machine took.
	ErrMachine = errors.New("answering machine")
	// ErrShutdown ends the calls in progress when the daemon stops.
	ErrShutdown = errors.New("daemon stopped")
	// ErrInternal ends a call in which the daemon itself failed.
	ErrInternal = errors.New("internal error")
)

// LegEnd says how a leg ended.
type LegEnd struct {
	By        conversation.Party
	SIPCode   int    // final response that refused or ended it; 0 if none
	Q850Cause int    // 0 if the peer gave none
	Text      string // the peer's own words, if any
	Cancelled bool   // the caller gave up before the answer
}

// SetupError reports that a leg could not be set up. Err says what happened when no SIP response explains it.
type SetupError struct {
	End     LegEnd
	Timeout bool // the far end rang too long
	Err     error
}

func (e *SetupError) Error() string {
	if e.End.SIPCode != 0 {
		return fmt.Sprintf("refused with %d %s", e.End.SIPCode, e.End.Text)
	}
	return e.Err.Error()
}

// Unwrap returns the underlying error, if any.
func (e *SetupError) Unwrap() error { return e.Err }

// refusal classifies the final responses that end an outbound set-up (RFC 3261 section 21, RFC 8197 and RFC 8688 for 607
// and 608). Codes that are not listed are setup errors.
func refusal(code int) (conversation.Status, conversation.Cause, string) {
	switch code {
	case 486, 600:
		return conversation.Busy, conversation.CauseBusy, "the line was busy"
	case 408, 480:
		return conversation.NoAnswer, conversation.CauseNoAnswer, "nobody answered"
	case 603, 607, 608:
		return conversation.Failed, conversation.CauseDeclined, "the call was declined"
	case 404, 410, 484, 604:
		return conversation.Failed, conversation.CauseBadNumber, "the number does not exist"
	case 401, 403, 407:
		return conversation.Failed, conversation.CauseTrunkAuth, "the trunk refused our credentials"
	case 488:
		return conversation.Failed, conversation.CauseCodec, "there was no codec in common"
	default:
		return conversation.Failed, conversation.CauseSetupError, "the call could not be set up"
	}
}

// dialEnd returns the end of an outbound conversation whose leg could not be set up.
func dialEnd(err error) conversation.End {
	setup, ok := errors.AsType[*SetupError](err)
	switch {
	case errors.Is(err, ErrShutdown):
		return system(conversation.Failed, conversation.CauseShutdown, "The daemon was stopped while the call was being placed.")
	case errors.Is(err, ErrHangup):
		end := system(conversation.Failed, conversation.CauseNormal, "The call was hung up here before it was answered.")
		end.By = conversation.PartyOperator
		return end
	case !ok:
		return system(conversation.Failed, conversation.CauseSetupError, fmt.Sprintf("The call could not be set up: %s.", err))
	case setup.Timeout:
		return system(conversation.NoAnswer, conversation.CauseNoAnswer, "The far end rang and nobody answered.")
	case setup.End.SIPCode == 0:
		return system(conversation.Failed, conversation.CauseSetupError, fmt.Sprintf("The call could not be set up: %s.", setup.Err))
	}
	status, cause, words := refusal(setup.End.SIPCode)
	return conversation.End{
		Status: status, By: conversation.PartyRemote, Cause: cause,
		SIPCode: setup.End.SIPCode, Q850Cause: setup.End.Q850Cause,
		Reason: fmt.Sprintf("The far end refused with %d %s: %s.", setup.End.SIPCode, setup.End.Text, words),
	}
}

// answerEnd returns the end of an inbound conversation that was never answered.
func answerEnd(err error, leg LegEnd) conversation.End {
	switch {
	case leg.Cancelled:
		return conversation.End{
			Status: conversation.Failed, By: conversation.PartyRemote, Cause: conversation.CauseCallerCancelled,
			SIPCode: leg.SIPCode, Q850Cause: leg.Q850Cause, Reason: "The caller hung up before the call was answered.",
		}
	case errors.Is(err, ErrShutdown):
		return system(conversation.Failed, conversation.CauseShutdown, "The daemon was stopped before the call was answered.")
	}
	end := system(conversation.Failed, conversation.CauseSetupError, fmt.Sprintf("The call could not be answered: %s.", err))
	end.SIPCode, end.Q850Cause = leg.SIPCode, leg.Q850Cause
	return end
}

// talkEnd returns the end of a conversation that was answered and talked for the given time.
func talkEnd(cause error, leg LegEnd, talked time.Duration) conversation.End {
	after := talked.Round(time.Second)
	switch {
	case errors.Is(cause, ErrMachine):
		end := system(conversation.Voicemail, conversation.CauseVoicemail, fmt.Sprintf("An answering machine took the call; hung up after %s.", after))
		end.By = conversation.PartyOperator
		return end
	case errors.Is(cause, ErrMediaTimeout):
		return system(conversation.Completed, conversation.CauseMediaTimeout, fmt.Sprintf("No audio arrived any more; ended after %s.", after))
	case errors.Is(cause, ErrMaxDuration):
		return system(conversation.Completed, conversation.CauseMaxDuration, fmt.Sprintf("The longest allowed duration was reached after %s.", after))
	case errors.Is(cause, ErrShutdown):
		return system(conversation.Completed, conversation.CauseShutdown, fmt.Sprintf("The daemon was stopped after %s of the call.", after))
	case errors.Is(cause, ErrInternal):
		return system(conversation.Completed, conversation.CauseInternal, fmt.Sprintf("The daemon failed after %s of the call.", after))
	case errors.Is(cause, ErrHangup), errors.Is(cause, ErrPromptDone):
		end := system(conversation.Completed, conversation.CauseNormal, fmt.Sprintf("The operator hung up after %s.", after))
		end.By = conversation.PartyOperator
		return end
	}
	end := conversation.End{
		Status: conversation.Completed, By: leg.By, Cause: conversation.CauseNormal,
		SIPCode: leg.SIPCode, Q850Cause: leg.Q850Cause, Reason: fmt.Sprintf("The other side hung up after %s.", after),
	}
	if leg.By == conversation.PartySystem {
		end.Cause, end.Reason = conversation.CauseSetupError, fmt.Sprintf("The connection was lost after %s: %s.", after, leg.Text)
	}
	return end
}

func system(status conversation.Status, cause conversation.Cause, reason string) conversation.End {
	return conversation.End{Status: status, By: conversation.PartySystem, Cause: cause, Reason: reason}
}

// causeOf returns why ctx ended, in terms of this package.
func causeOf(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return ErrShutdown
}
