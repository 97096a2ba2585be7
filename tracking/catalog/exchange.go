package catalog

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Format is a form in which trackers are exported and imported.
type Format string

// The formats. In CSV a list is one cell with a member per line.
const (
	YAML Format = "yaml"
	JSON Format = "json"
	CSV  Format = "csv"
)

// file is the form of an export in JSON and YAML.
type file struct {
	Trackers []Content `json:"trackers"`
}

// Export writes the content of trackers, in their order.
func Export(w io.Writer, format Format, trackers []tracking.Tracker) error {
	f := file{Trackers: make([]Content, len(trackers))}
	for i, t := range trackers {
		f.Trackers[i] = ContentOf(t)
	}
	if format == CSV {
		return exportCSV(w, f.Trackers)
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err == nil && format == YAML {
		data, err = yaml.JSONToYAML(data)
	}
	if err != nil {
		return fmt.Errorf("export trackers: %w", err)
	}
	_, err = w.Write(append(bytes.TrimRight(data, "\n"), '\n'))
	return err
}

// Parse reads the contents of trackers. JSON and YAML hold a list, or an object with the list in its member trackers. Errors
// are *tracking.MemberError values that begin with the place, trackers[2].name, or the line of a CSV file.
func Parse(format Format, data []byte) ([]Content, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if format == CSV {
		return parseCSV(data)
	}
	if format == YAML {
		var err error
		if data, err = yamlToJSON(data); err != nil {
			return nil, err
		}
	}
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		members, err := object("", data)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(members["trackers"], &items); err != nil || len(members) > 1 {
			return nil, &tracking.MemberError{Member: "trackers", Problem: "want a list of trackers and nothing beside it"}
		}
	}
	if len(items) > tracking.MaxTrackers {
		return nil, tooMany()
	}
	contents := make([]Content, len(items))
	var problems []error
	for i, item := range items {
		draft, err := Decode(item)
		contents[i] = draft.Content
		problems = append(problems, within(fmt.Sprintf("trackers[%d]", i), err))
	}
	return contents, errors.Join(problems...)
}

func tooMany() error {
	return &tracking.MemberError{Member: "trackers", Problem: fmt.Sprintf("more than %d", tracking.MaxTrackers)}
}

// yamlToJSON reads with another library than Export writes with: this one takes time in proportion to the input, however
// deeply nested or full of aliases it is.
func yamlToJSON(data []byte) ([]byte, error) {
	in := yamlv3.NewDecoder(bytes.NewReader(data))
	var document any
	err := in.Decode(&document)
	if err == nil && in.Decode(new(any)) != io.EOF { //nolint:errorlint // the decoder promises io.EOF itself
		err = errors.New("want one document")
	}
	if err != nil {
		return nil, &tracking.MemberError{Member: "body", Problem: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	out, err := json.Marshal(document)
	if err != nil {
		return nil, &tracking.MemberError{Member: "body", Problem: "holds what trackers cannot: " + err.Error()}
	}
	return out, nil
}

// The columns of a CSV file are the members of a content; the stance has a column for each of its own. A file with the
// column phrase instead of vocabulary has a row for each phrase.
func columns() []string {
	var list []string
	for _, name := range names() {
		if name == "stance" {
			list = append(list, "negation", "question", "conditional", "reported")
			continue
		}
		list = append(list, name)
	}
	return list
}

func exportCSV(w io.Writer, contents []Content) error {
	out := csv.NewWriter(w)
	rows := [][]string{columns()}
	for _, c := range contents {
		var actions []string
		for _, a := range c.Actions {
			actions = append(actions, strings.TrimSpace(string(a.Type)+" "+a.Target))
		}
		threshold, budget := "", ""
		if c.Threshold != 0 {
			threshold = strconv.FormatFloat(c.Threshold, 'g', -1, 64)
		}
		if c.AlertsPerHour != 0 {
			budget = strconv.Itoa(c.AlertsPerHour)
		}
		rows = append(rows, []string{
			c.Name, c.Description, lines(c.Categories), lines(c.Vocabulary), threshold, string(c.Role), lines(c.Languages),
			lines(c.Exclusions), lines(c.NegativeExamples), string(c.Stance.Negation), string(c.Stance.Question),
			string(c.Stance.Conditional), string(c.Stance.Reported), lines(actions), budget, strconv.FormatBool(c.Enabled), c.Library,
		})
	}
	return out.WriteAll(rows)
}

func lines(list []string) string { return strings.Join(list, "\n") }

func parseCSV(data []byte) ([]Content, error) {
	in := csv.NewReader(bytes.NewReader(data))
	header, err := in.Read()
	if err != nil {
		return nil, &tracking.MemberError{Member: "line 1", Problem: "want the names of the columns: " + err.Error()}
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns(), header[i]) && header[i] != "phrase" {
			return nil, &tracking.MemberError{Member: "line 1", Problem: fmt.Sprintf("there is no column %q", name)}
		}
		if slices.Contains(header[:i], header[i]) {
			return nil, &tracking.MemberError{Member: "line 1", Problem: fmt.Sprintf("the column %q is there twice", name)}
		}
	}
	var contents []Content
	var problems []error
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return contents, errors.Join(problems...)
		}
		if err != nil {
			return nil, &tracking.MemberError{Member: "body", Problem: "is not CSV: " + err.Error()}
		}
		line, _ := in.FieldPos(0)
		c, err := parseRow(header, cells)
		if err != nil {
			problems = append(problems, within(fmt.Sprintf("line %d", line), err))
			continue
		}
		if contents = appendRow(contents, header, c); len(contents) > tracking.MaxTrackers {
			return nil, tooMany()
		}
	}
}

// appendRow adds the tracker of a row, or its phrase to the tracker of its name where rows are phrases.
func appendRow(contents []Content, header []string, c Content) []Content {
	i := slices.IndexFunc(contents, func(other Content) bool { return other.Name == c.Name })
	if i < 0 || !slices.Contains(header, "phrase") {
		return append(contents, c)
	}
	contents[i].Vocabulary = append(contents[i].Vocabulary, c.Vocabulary...)
	return contents
}

// parseRow reads the tracker of one row.
func parseRow(header, cells []string) (Content, error) {
	c := Content{Enabled: true}
	var problems []error
	for i, cell := range cells {
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		if problem := c.setCell(header[i], cell); problem != "" {
			problems = append(problems, &tracking.MemberError{Member: header[i], Problem: problem})
		}
	}
	return c, errors.Join(problems...)
}

// setCell sets one member from its cell and returns what is wrong with the cell.
func (c *Content) setCell(column, cell string) (problem string) {
	var err error
	switch column {
	case "name":
		c.Name = cell
	case "description":
		c.Description = cell
	case "categories":
		c.Categories = split(cell)
	case "vocabulary":
		c.Vocabulary = append(c.Vocabulary, split(cell)...)
	case "phrase":
		c.Vocabulary = append(c.Vocabulary, cell)
	case "threshold":
		c.Threshold, err = strconv.ParseFloat(cell, 64)
	case "role":
		c.Role = conversation.Role(cell)
	case "languages":
		c.Languages = split(cell)
	case "exclusions":
		c.Exclusions = split(cell)
	case "negative_examples":
		c.NegativeExamples = split(cell)
	case "negation":
		c.Stance.Negation = tracking.Handling(cell)
	case "question":
		c.Stance.Question = tracking.Handling(cell)
	case "conditional":
		c.Stance.Conditional = tracking.Handling(cell)
	case "reported":
		c.Stance.Reported = tracking.Handling(cell)
	case "actions":
		for _, line := range split(cell) {
			kind, target, _ := strings.Cut(line, " ")
			c.Actions = append(c.Actions, tracking.Action{Type: tracking.ActionType(kind), Target: strings.TrimSpace(target)})
		}
	case "alerts_per_hour":
		c.AlertsPerHour, err = strconv.Atoi(cell)
	case "enabled":
		c.Enabled, err = strconv.ParseBool(cell)
	case "library":
		c.Library = cell
	}
	if err != nil {
		return fmt.Sprintf("%q is not a value for it", cell)
	}
	return ""
}

// split returns the lines of a cell that hold something.
func split(cell string) []string {
	var list []string
	for line := range strings.Lines(cell) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
