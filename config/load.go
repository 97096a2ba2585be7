package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// EnvPrefix starts the name of every environment variable that overrides a setting.
const EnvPrefix = "OPERATORD_"

// maxFileBytes bounds the configuration file and each file that holds a secret.
const maxFileBytes = 4 << 20

// Load reads the file at path over the defaults, then the overrides in environ (as os.Environ gives them), then the files
// that hold secrets, makes relative paths relative to the file's folder, and validates the result. An empty path means
// no file. An Errors lists everything that is wrong at once; other errors concern the file as a whole.
func Load(path string, environ []string) (Config, error) {
	c, problems := Default(), Errors{}
	base := "."
	if path != "" {
		base = filepath.Dir(path)
		document, err := readDocument(path)
		if err != nil {
			return Config{}, err
		}
		problems = append(problems, assign("", document, reflect.ValueOf(&c).Elem())...)
	}
	problems = append(problems, override(&c, environ)...)
	problems = append(problems, c.readSecrets(base)...)
	c.resolvePaths(base)
	if c.Node == "" {
		c.Node = hostName()
	}
	problems = append(problems, c.validate()...)
	if len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// readDocument parses the YAML file into maps, lists and scalars. Numbers stay text.
func readDocument(path string) (any, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	document, err := parseDocument(data)
	if err != nil {
		return nil, fmt.Errorf("parse configuration %s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return document, nil
}

func parseDocument(data []byte) (document any, err error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, err
	}
	ast.Walk(numbersAsText{}, file.Docs[0].Body)
	err = yaml.NodeToValue(file.Docs[0].Body, &document, yaml.UseOrderedMap())
	return document, err
}

// numbersAsText keeps numbers as they are written until it is known what they are for: YAML takes the telephone number
// 0301234567 for octal and drops the plus of +15550100.
type numbersAsText struct{}

// Visit implements ast.Visitor.
func (v numbersAsText) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.MappingValueNode:
		n.Value = asText(n.Value)
	case *ast.SequenceNode:
		for i := range n.Values {
			n.Values[i] = asText(n.Values[i])
		}
	case *ast.AnchorNode:
		n.Value = asText(n.Value)
	}
	return v
}

func asText(node ast.Node) ast.Node {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return ast.String(node.GetToken())
	}
	return node
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d", path, info.Size(), maxFileBytes)
	}
	return os.ReadFile(path)
}

// readSecrets fills each secret from its file and refuses the two being given together.
func (c *Config) readSecrets(base string) Errors {
	var problems Errors
	read := func(key string, secret *string, file string) {
		if file == "" {
			return
		}
		if *secret != "" {
			problems.add(key+"_file", "given together with %s", key)
			return
		}
		data, err := readBounded(resolve(base, file))
		if err != nil {
			problems.add(key+"_file", "%s", reason(err))
			return
		}
		*secret = strings.TrimSpace(string(data))
		if *secret == "" {
			problems.add(key+"_file", "%s is empty", file)
		}
	}
	read("http.token", &c.HTTP.Token, c.HTTP.TokenFile)
	for i := range c.SIP.Trunks {
		t := &c.SIP.Trunks[i]
		read(fmt.Sprintf("sip.trunks[%d].password", i), &t.Password, t.PasswordFile)
	}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		read(fmt.Sprintf("webhooks[%d].secret", i), &w.Secret, w.SecretFile)
	}
	return problems
}

// resolvePaths makes the paths of c relative to base, the folder of the configuration file.
func (c *Config) resolvePaths(base string) {
	c.DataDir = resolve(base, c.DataDir)
	for _, model := range []*string{&c.ASR.Model, &c.ASR.VADModel, &c.Tracking.Encoder} {
		if *model != Bundled && *model != "none" {
			*model = resolve(base, *model)
		}
	}
	for i := range c.Profiles {
		c.Profiles[i].Greeting = resolve(base, c.Profiles[i].Greeting)
	}
}

func resolve(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "operatord"
	}
	return name
}

// reason shortens a file error to what the reader does not know yet.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("%s: %s", pathErr.Path, pathErr.Err)
	}
	return err.Error()
}
