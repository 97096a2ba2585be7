package api

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsTemplate string

// docsPolicy allows the page its own style and nothing else.
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

// reference is what the documentation page shows.
type reference struct {
	Title, Version, Description string
	Groups                      []referenceGroup
	Schemas                     []referenceSchema
}

type referenceGroup struct {
	Name       string
	Operations []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []referenceMember
	Body                                   string // name of the schema of the request
	Responses                              []referenceResponse
}

type referenceResponse struct{ Status, Description, Schema string }

type referenceSchema struct {
	Name    string
	Members []referenceMember
}

// referenceMember is a parameter of an operation or a member of a schema.
type referenceMember struct {
	Name, Kind, Description string
	In                      string // of a parameter: path or query
	Link                    string // name of the schema of the member, if it has one
	Required                bool
}

// docs returns the documentation page. It is made of the OpenAPI document once and needs nothing from other hosts.
func docs(doc *huma.OpenAPI) (http.HandlerFunc, error) {
	page, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse documentation page: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, describeReference(doc)); err != nil {
		return nil, fmt.Errorf("render documentation page: %w", err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", docsPolicy)
		_, _ = w.Write(out.Bytes()) // a browser that has gone is no concern of ours
	}, nil
}

func describeReference(doc *huma.OpenAPI) reference {
	ref := reference{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for _, p := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[p]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				ref.add(describeOperation(op), op.Tags[0])
			}
		}
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		ref.Schemas = append(ref.Schemas, describeSchema(name, schemas[name]))
	}
	return ref
}

// add puts an operation into the group of its tag.
func (r *reference) add(op referenceOperation, tag string) {
	i := slices.IndexFunc(r.Groups, func(g referenceGroup) bool { return g.Name == tag })
	if i < 0 {
		r.Groups = append(r.Groups, referenceGroup{Name: tag})
		i = len(r.Groups) - 1
	}
	r.Groups[i].Operations = append(r.Groups[i].Operations, op)
}

func describeOperation(op *huma.Operation) referenceOperation {
	ref := referenceOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description}
	for _, p := range op.Parameters {
		m := describeMember(p.Name, p.Schema, p.Required)
		m.In, m.Description = p.In, p.Description
		ref.Parameters = append(ref.Parameters, m)
	}
	if op.RequestBody != nil {
		ref.Body = schemaOf(op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		response := op.Responses[status]
		ref.Responses = append(ref.Responses,
			referenceResponse{Status: status, Description: response.Description, Schema: schemaOf(response.Content)})
	}
	return ref
}

func describeSchema(name string, schema *huma.Schema) referenceSchema {
	ref := referenceSchema{Name: name}
	for _, member := range slices.Sorted(maps.Keys(schema.Properties)) {
		ref.Members = append(ref.Members, describeMember(member, schema.Properties[member], slices.Contains(schema.Required, member)))
	}
	return ref
}

func describeMember(name string, schema *huma.Schema, required bool) referenceMember {
	m := referenceMember{Name: name, Required: required}
	if schema == nil {
		return m
	}
	m.Kind, m.Description = schema.Type, schema.Description
	if schema.Format != "" {
		m.Kind = schema.Format
	}
	m.Link = path.Base(strings.TrimSuffix(schema.Ref, "/"))
	values := schema.Enum
	if schema.Items != nil {
		m.Kind, values = "list of "+schema.Items.Type, schema.Items.Enum
		m.Link = path.Base(schema.Items.Ref)
	}
	if m.Link == "." {
		m.Link = ""
	}
	if len(values) > 0 {
		m.Kind += ": " + strings.Trim(fmt.Sprint(values), "[]")
	}
	return m
}

// schemaOf returns the name of the schema of a body, if it refers to one.
func schemaOf(content map[string]*huma.MediaType) string {
	for _, media := range content {
		if media.Schema != nil && media.Schema.Ref != "" {
			return path.Base(media.Schema.Ref)
		}
	}
	return ""
}
