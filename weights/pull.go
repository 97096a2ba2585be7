package weights

import (
	"cmp"
	"context"
	"crypto/sha1" // the only sum upstream publishes; the server's SHA-256 is checked beside it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// DefaultBaseURL is where the official models are published; a model's file name is appended.
const DefaultBaseURL = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"

const (
	pullAttempts = 5                // downloads in a row that bring nothing before Pull gives up
	pullStall    = 30 * time.Second // without a byte before a download counts as broken
	pullRetry    = 2 * time.Second  // between two attempts
)

var (
	// ErrChecksum is returned when a download is complete and is not the published file.
	ErrChecksum = errors.New("checksum does not match")
	// ErrBusy is returned while another process downloads the same model into the same folder.
	ErrBusy = errors.New("another download of this model is running")
)

// StatusError is an HTTP response that trying again will not improve.
type StatusError struct {
	URL    string
	Status string // such as "404 Not Found"
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: server says %s", e.URL, e.Status) }

// PullOptions say what to download and where to. Name and Dir are required.
type PullOptions struct {
	Name     string                  // of the Catalog
	Dir      string                  // created if it does not exist
	BaseURL  string                  // default DefaultBaseURL
	Client   *http.Client            // default http.DefaultClient; it should set no total timeout
	Progress func(done, total int64) // bytes; called from Pull's goroutine, total is -1 if unknown. Optional
	Retry    time.Duration           // between two attempts; default 2s
}

// Pull downloads a model of the Catalog and returns the path of its file. A model that is already there and whole is not
// downloaded again. An interrupted download goes on where it stopped, in the same call and in a later one: what has
// arrived is kept beside the file as NAME.part. The file appears under its name only after its SHA-1 was
// found to be the one whisper.cpp publishes and, where the server names a SHA-256 (the X-Linked-Etag header of Hugging
// Face), that too. It returns ErrUnknownModel, ErrChecksum, ErrBusy, a *StatusError, or what the network or disk said.
func Pull(ctx context.Context, opts PullOptions) (string, error) {
	model, err := find(opts.Name)
	if err != nil {
		return "", err
	}
	path, err := pull(ctx, model, opts)
	if err != nil {
		return "", fmt.Errorf("pull model %s: %w", model.Name, err)
	}
	return path, nil
}

// pull is Pull for a model that need not be in the Catalog.
func pull(ctx context.Context, model Model, opts PullOptions) (string, error) {
	path := filepath.Join(opts.Dir, model.File())
	switch err := verify(path, model.SHA1, ""); {
	case err == nil:
		return path, nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrChecksum):
		return "", err
	}
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return "", err
	}
	part, err := openPart(path + ".part")
	if err != nil {
		return "", err
	}
	d := download{
		url:      cmp.Or(opts.BaseURL, DefaultBaseURL) + "/" + model.File(),
		client:   cmp.Or(opts.Client, http.DefaultClient),
		part:     part,
		progress: opts.Progress,
		retry:    cmp.Or(opts.Retry, pullRetry),
		sha1:     model.SHA1,
	}
	err = d.run(ctx)
	if err == nil {
		err = part.Sync()
	}
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	return path, errors.Join(err, part.Close())
}

// download brings the file at url into part.
type download struct {
	url      string
	client   *http.Client
	part     *os.File
	progress func(done, total int64)
	retry    time.Duration
	sha1     string
	sha256   string // from the server; empty if it names none
}

// run fetches until the file is complete and right. A wrong file is fetched once more from the start, for the beginning
// may have come from another version of it.
func (d *download) run(ctx context.Context) error {
	for fresh := false; ; fresh = true {
		if err := d.complete(ctx); err != nil {
			return err
		}
		err := verify(d.part.Name(), d.sha1, d.sha256)
		if err == nil || !errors.Is(err, ErrChecksum) {
			return err
		}
		if err := errors.Join(err, d.part.Truncate(0)); fresh {
			return err
		}
	}
}

// complete fetches the rest of the file, trying again while the connection breaks.
func (d *download) complete(ctx context.Context) error {
	for failures := 0; ; {
		before := d.size()
		err := d.fetch(ctx)
		if err == nil {
			return nil
		}
		if failures++; d.size() > before {
			failures = 1
		}
		if !temporary(err) || failures >= pullAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(d.retry):
		}
	}
}

// temporary reports whether trying again may help: not for an answer that says no, a disk error or the caller's own end.
func temporary(err error) bool {
	var status *StatusError
	var disk *fs.PathError
	return !errors.As(err, &status) && !errors.As(err, &disk) && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, context.DeadlineExceeded)
}

// errStalled ends a request whose body has stopped to arrive.
var errStalled = errors.New("download stalled")

// fetch asks for what is missing and appends it to the part.
func (d *download) fetch(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(pullStall, func() { cancel(errStalled) })
	defer stall.Stop()

	have := d.size()
	resp, err := d.request(ctx, have)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // the sums decide
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil // nothing is missing, or the sum will say so
	case resp.StatusCode == http.StatusOK && have > 0:
		if err := d.part.Truncate(0); err != nil { // the server does not resume
			return err
		}
		have = 0
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		return statusError(d.url, resp)
	}
	return cause(ctx, d.append(resp, have, stall))
}

// statusError returns a StatusError, or a plain error for a response that may be better next time.
func statusError(url string, resp *http.Response) error {
	if resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%s: server says %s", url, resp.Status)
	}
	return &StatusError{URL: url, Status: resp.Status}
}

// request asks for the file from the byte offset have on, and notes the SHA-256 that the server or one that redirected to it names.
func (d *download) request(ctx context.Context, have int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return nil, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	client := *d.client
	follow := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		d.note(req.Response.Header)
		switch {
		case follow != nil:
			return follow(req, via)
		case len(via) >= 10: // the limit of net/http
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	d.note(resp.Header)
	return resp, nil
}

// note keeps the SHA-256 of the file if the header names one: Hugging Face does in X-Linked-Etag and, for large files, in ETag.
func (d *download) note(h http.Header) {
	for _, tag := range []string{h.Get("X-Linked-Etag"), h.Get("ETag")} {
		if len(tag) != 2*sha256.Size+2 || tag[0] != '"' {
			continue
		}
		if _, err := hex.DecodeString(tag[1 : len(tag)-1]); err == nil && d.sha256 == "" {
			d.sha256 = tag[1 : len(tag)-1]
		}
	}
}

// append copies the body behind the have bytes of the part, putting off the stall timer at every piece.
func (d *download) append(resp *http.Response, have int64, stall *time.Timer) error {
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = have + resp.ContentLength
	}
	if _, err := d.part.Seek(have, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for done := have; ; {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			stall.Reset(pullStall)
			if _, err := d.part.Write(buf[:n]); err != nil {
				return err
			}
			done += int64(n)
			if d.progress != nil {
				d.progress(done, total)
			}
		}
		switch {
		case errors.Is(err, io.EOF) && total >= 0 && done < total:
			return io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// size returns how many bytes of the part have arrived.
func (d *download) size() int64 {
	info, err := d.part.Stat()
	if err != nil {
		return 0 // writing to it will say why
	}
	return info.Size()
}

// cause returns why ctx ended if that is why err happened.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// verify returns nil if the file has the given sums, ErrChecksum if it has not. An empty SHA-256 is not checked.
func verify(path, wantSHA1, wantSHA256 string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	h1, h256 := sha1.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(h1, h256), f); err != nil {
		return err
	}
	if err := compare("SHA-1", h1, wantSHA1); err != nil {
		return err
	}
	if wantSHA256 == "" {
		return nil
	}
	return compare("SHA-256", h256, wantSHA256)
}

func compare(name string, h hash.Hash, want string) error {
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: %s is %s, published is %s", ErrChecksum, name, got, want)
	}
	return nil
}
