// Package operatord_test checks the layout of the project: which package may import which, and how large things are.
package operatord_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/operatord/operatord/"

// allowed is the import table of docs/ARCHITECTURE.md by top folder: what a package may import of ours beside the other
// packages of its own folder.
var allowed = map[string][]string{
	"app": {
		"api", "asr", "attendant", "call", "config", "conversation", "dialer", "jobs", "media", "postcall", "sip", "store",
		"tracking", "web", "webhook", "webrtc", "weights",
	},
	"cmd":          {"app", "asr", "config", "conversation", "softphone", "tracking", "weights"},
	"e2e":          {"api", "app", "asr", "config", "conversation", "media", "sip", "softphone", "webrtc"},
	"sip":          {"media"},
	"webrtc":       {"media"},
	"softphone":    {"sip", "media"},
	"call":         {"media", "conversation"},
	"asr":          {"conversation"},
	"tracking":     {"conversation"},
	"attendant":    {"conversation"},
	"dialer":       {"conversation"},
	"webhook":      {"conversation"},
	"postcall":     {"conversation"},
	"store":        {"conversation", "tracking", "postcall"},
	"api":          {"conversation", "tracking", "postcall"},
	"conversation": {},
	"config":       {},
	"jobs":         {},
	"media":        {},
	"web":          {},
	"weights":      {},
}

// maxFileLines is the ceiling for a file of code.
const maxFileLines = 700

// eachGoFile calls f for every Go file of the project that is not a test.
func eachGoFile(t *testing.T, f func(file string, fset *token.FileSet, parsed *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || !strings.Contains(file, "/") {
			return nil
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f(file, fset, parsed)
		return nil
	})
	require.NoError(t, err)
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		folder, _, _ := strings.Cut(file, "/")
		if parsed.Name.Name == "main" && folder != "cmd" {
			return // a generator, which is no part of the daemon
		}
		table, known := allowed[folder]
		require.True(t, known, "%s: %s is not in the import table", file, folder)
		for _, spec := range parsed.Imports {
			imported, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if !ours {
				continue
			}
			top, _, _ := strings.Cut(imported, "/")
			require.True(t, top == folder || slices.Contains(table, top), "%s imports %s", file, imported)
		}
	})
}

func TestCgoStaysInLeafPackages(t *testing.T) {
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		for _, spec := range parsed.Imports {
			if spec.Path.Value == `"C"` {
				require.Contains(t, []string{"asr/whisper", "tracking/encoder", "media/opus"}, path.Dir(file))
			}
		}
	})
}

func TestFilesStayReadable(t *testing.T) {
	eachGoFile(t, func(file string, fset *token.FileSet, parsed *ast.File) {
		require.LessOrEqual(t, fset.Position(parsed.End()).Line, maxFileLines, file)
	})
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		dir := path.Dir(file)
		documented[dir] = documented[dir] || parsed.Doc != nil
	})
	for dir, ok := range documented {
		require.True(t, ok, "%s has no package comment", dir)
	}
}
