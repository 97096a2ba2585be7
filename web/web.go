// Package web holds the browser user interface and serves it. The assets are built from web/ui into web/dist and embedded; a
// binary built without them serves a page that says how to get them.
package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist holds what the build of web/ui left; .gitkeep keeps the folder there before the first one.
//
//go:embed all:dist
var dist embed.FS

//go:embed unbuilt.html
var unbuilt []byte

// contentPolicy lets the page load and talk to nothing but the daemon that served it. Mantine sets its colour scheme and
// sizes by style elements and attributes, which is why inline styles are allowed; inline scripts are not.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self'; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
	"frame-ancestors 'none'"

// minCompressed is the size in bytes below which compression gains nothing.
const minCompressed = 1024

// Handler serves the user interface. Paths without a file get the page itself, which routes in the browser; missing assets
// are 404.
func Handler() (http.Handler, error) {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open embedded user interface: %w", err)
	}
	return newHandler(built)
}

// newHandler reads every file of built once: they are few, and are then served without a look at the file system.
func newHandler(built fs.FS) (http.Handler, error) {
	h := &handler{assets: map[string]*asset{}}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		data, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		h.assets["/"+name], err = newAsset(name, data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read user interface: %w", err)
	}
	h.page = h.assets["/index.html"]
	if h.page == nil {
		h.page, err = newAsset("index.html", unbuilt)
	}
	return h, err
}

// asset is one file, ready to be sent.
type asset struct {
	contentType string
	cache       string
	etag        string
	plain       []byte
	gzipped     []byte // nil if that would gain nothing
}

// newAsset prepares a file. The build puts a hash of the content into the names below assets/, so those never change.
func newAsset(name string, data []byte) (*asset, error) {
	sum := sha256.Sum256(data)
	a := &asset{contentType: contentType(name), cache: "no-cache", plain: data}
	a.etag = `"` + hex.EncodeToString(sum[:8]) + `"`
	if strings.HasPrefix(name, "assets/") {
		a.cache = "public, max-age=31536000, immutable"
	}
	if len(data) < minCompressed || strings.HasPrefix(a.contentType, "font/") { // fonts are compressed already
		return a, nil
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write(data)
	if err = errors.Join(err, writer.Close()); err != nil {
		return nil, fmt.Errorf("compress %s: %w", name, err)
	}
	a.gzipped = packed.Bytes()
	return a, nil
}

// contentType does not depend on the tables of the machine for what the build produces.
func contentType(name string) string {
	if path.Ext(name) == ".woff2" {
		return "font/woff2"
	}
	return cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
}

// handler serves the assets from memory.
type handler struct {
	assets map[string]*asset
	page   *asset
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	a := h.assets[r.URL.Path]
	if a == nil && path.Ext(r.URL.Path) != "" {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	if a == nil {
		a = h.page
	}
	a.serve(w, r)
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", a.cache)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Etag", a.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", a.contentType)
	data := a.plain
	if a.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		data = a.gzipped
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(data) // a browser that has gone is no concern of ours
	}
}
