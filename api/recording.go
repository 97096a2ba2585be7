package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/operatord/operatord/conversation"
)

// recording answers with the stereo WAV file of a conversation, whole or in the ranges asked for (RFC 9110 section 14).
func (s *Server) recording(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
	c, err := s.opts.Conversations.Conversation(ctx, in.id())
	if err != nil {
		return nil, err
	}
	file, info, err := s.openRecording(c)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer func() { _ = file.Close() }() // it was only read
		r, w := humago.Unwrap(hctx)
		w.Header().Set("Content-Type", "audio/wav")
		w.Header().Set("Cache-Control", "private, no-cache")
		w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", string(c.ID)+".wav"))
		http.ServeContent(w, r, "", info.ModTime(), file)
	}}, nil
}

// openRecording opens the recording of c inside the recordings folder; a name that leads out of it is not followed. The error says
// why there is none.
func (s *Server) openRecording(c conversation.Conversation) (*os.File, os.FileInfo, error) {
	if !c.Status.Terminal() {
		return nil, nil, fmt.Errorf("recording %w: the call is still running", conversation.ErrNotFound)
	}
	if c.Recording == nil || c.Recording.File == "" || s.opts.Recordings == "" {
		return nil, nil, fmt.Errorf("recording %w: this conversation was not recorded", conversation.ErrNotFound)
	}
	file, err := os.OpenInRoot(s.opts.Recordings, c.Recording.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("recording %w: the file is no longer there", conversation.ErrNotFound)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open recording: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("recording %s is not a file", c.Recording.File)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}
