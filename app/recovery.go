package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
	"github.com/operatord/operatord/store"
)

// recover closes the conversations that a crash of this node left open, each at the time of its last event.
func (a *App) recover(ctx context.Context) error {
	interrupted, err := a.store.Interrupted(ctx, a.cfg.Node)
	if err != nil {
		return fmt.Errorf("find interrupted conversations: %w", err)
	}
	for _, i := range interrupted {
		if err := a.closeInterrupted(ctx, i); err != nil {
			return fmt.Errorf("close interrupted conversation %s: %w", i.Conversation.ID, err)
		}
		a.log.Warn("closed a conversation that a restart interrupted", "call_id", string(i.Conversation.ID))
	}
	return nil
}

func (a *App) closeInterrupted(ctx context.Context, i store.Interruption) error {
	c := i.Conversation
	end := conversation.End{
		Status: conversation.Completed, By: conversation.PartySystem, Cause: conversation.CauseNodeRestart,
		Reason: "The daemon stopped unexpectedly during the call; it ends with the last event that was kept.",
	}
	if c.Status == conversation.Queued {
		end.Status = conversation.Failed
		end.Reason = "The daemon stopped unexpectedly before the call was answered."
	}
	if err := c.Finish(end, i.Last.At); err != nil {
		return err
	}
	a.recoverRecording(&c)
	return a.feed.PublishLate(ctx, conversation.Event{
		ConversationID: c.ID, Type: conversation.StatusEvent(c.Status), At: time.Now(), OffsetMS: i.Last.OffsetMS, Conversation: &c,
	})
}

// recoverRecording makes the recording of an interrupted call playable and adds it to the conversation.
func (a *App) recoverRecording(c *conversation.Conversation) {
	name := string(c.ID) + ".wav"
	err := wav.Repair(filepath.Join(a.recordings(), name))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		a.log.Error("repair recording", "call_id", string(c.ID), "err", err)
		return
	}
	c.Recording = &conversation.Recording{File: name, SampleRate: media.SampleRate, DurationMS: c.DurationMS}
}
