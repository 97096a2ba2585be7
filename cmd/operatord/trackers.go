package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// trackersCommand manages the trackers of a running daemon.
type trackersCommand struct {
	List     trackersList     `cmd:"" help:"List trackers."`
	Get      trackersGet      `cmd:"" help:"Show a tracker with its phrases and warnings."`
	Add      trackersAdd      `cmd:"" help:"Create a tracker."`
	Set      trackersSet      `cmd:"" help:"Change a tracker."`
	Rm       trackersRemove   `cmd:"" help:"Delete trackers; restoring a version brings one back."`
	Import   trackersImport   `cmd:"" help:"Create and update trackers from a YAML, CSV or JSON file."`
	Export   trackersExport   `cmd:"" help:"Write all trackers to a YAML, CSV or JSON file."`
	Versions trackersVersions `cmd:"" help:"List the versions of a tracker: who changed what and when."`
	Restore  trackersRestore  `cmd:"" help:"Make an older version of a tracker the newest one."`
	Library  libraryCommand   `cmd:"" help:"Ready trackers: list them, make trackers from them, compare, take back."`
}

// Output is the flag of every command that shows something.
type Output struct {
	Output string `short:"o" help:"Form of the output: table, json or yaml." enum:"table,json,yaml" default:"table"`
}

// write prints an answer of the daemon, or calls table for the readable form.
func (o *Output) write(w io.Writer, body []byte, table func(io.Writer) error) error {
	switch o.Output {
	case "json":
		var out bytes.Buffer
		if err := json.Indent(&out, body, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w, strings.TrimSpace(out.String()))
		return err
	case "yaml":
		out, err := yaml.JSONToYAML(body)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	return table(w)
}

// columns prints rows below their titles.
func columns(w io.Writer, rows ...[]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// shownTracker is a tracker as the API shows it.
type shownTracker struct {
	tracking.Tracker
	LiveVersion int               `json:"live_version"`
	Warnings    []catalog.Warning `json:"warnings"`
}

// warn prints the warnings of a tracker.
func (t *shownTracker) warn(w io.Writer) {
	for _, warning := range t.Warnings {
		fmt.Fprintf(w, "warning: %s: %s %s\n", t.Name, warning.Member, warning.Message)
	}
}

// find returns the tracker of a name, or else of an identity, with its entity tag.
func (c *Client) find(ctx context.Context, key string) (t shownTracker, answer reply, err error) {
	var named struct{ Items []shownTracker }
	list := request{method: http.MethodGet, path: "/trackers", query: url.Values{"name": {key}}}
	if _, err := c.sendJSON(ctx, list, nil, &named); err != nil {
		return t, answer, err
	}
	id := key
	if len(named.Items) > 0 {
		id = string(named.Items[0].ID)
	} else if _, err := conversation.ParseID(key); err != nil {
		return t, answer, fmt.Errorf("no tracker has the name %q", key)
	}
	answer, err = c.sendJSON(ctx, request{method: http.MethodGet, path: "/trackers/" + id}, nil, &t)
	return t, answer, err
}

type trackersList struct {
	Client
	Output
	Category string `help:"Only those of this category."`
	Language string `help:"Only those that apply to this language."`
	Text     string `help:"Only those with this in their name, description or phrases."`
	Enabled  *bool  `help:"Only those that are enabled, or with --no-enabled those that are not." negatable:""`
}

// Run implements the command.
func (l *trackersList) Run(ctx context.Context, out streams) error {
	query := url.Values{"category": {l.Category}, "language": {l.Language}, "q": {l.Text}}
	if l.Enabled != nil {
		query.Set("enabled", strconv.FormatBool(*l.Enabled))
	}
	for name, value := range query {
		if value[0] == "" {
			query.Del(name)
		}
	}
	var page struct{ Items []shownTracker }
	answer, err := l.sendJSON(ctx, request{method: http.MethodGet, path: "/trackers", query: query}, nil, &page)
	if err != nil {
		return err
	}
	return l.write(out.out, answer.body, func(w io.Writer) error {
		rows := [][]string{{"NAME", "ID", "VERSION", "LIVE", "PHRASES", "WHOSE", "CATEGORIES", "CHANGED", "BY"}}
		for _, t := range page.Items {
			rows = append(rows, []string{
				t.Name, string(t.ID), strconv.Itoa(t.Version), t.liveness(), strconv.Itoa(len(t.Vocabulary)), whose(t.Role),
				strings.Join(t.Categories, ", "), shortTime(t.UpdatedAt), t.UpdatedBy,
			})
		}
		return columns(w, rows...)
	})
}

// liveness says whether calls are matched against the newest version.
func (t *shownTracker) liveness() string {
	switch t.LiveVersion {
	case 0:
		return "no"
	case t.Version:
		return "yes"
	}
	return "version " + strconv.Itoa(t.LiveVersion)
}

func whose(role conversation.Role) string {
	if role == "" {
		return "anyone"
	}
	return string(role)
}

func shortTime(at time.Time) string { return at.Local().Format("2006-01-02 15:04") }

type trackersGet struct {
	Client
	Output
	Tracker string `arg:"" help:"Name or identity of the tracker."`
}

// Run implements the command.
func (g *trackersGet) Run(ctx context.Context, out streams) error {
	t, answer, err := g.find(ctx, g.Tracker)
	if err != nil {
		return err
	}
	return g.write(out.out, answer.body, t.describe)
}

// describe prints everything about a tracker for people.
func (t *shownTracker) describe(w io.Writer) error {
	rows := [][]string{
		{"name", t.Name},
		{"id", string(t.ID)},
		{"version", fmt.Sprintf("%d, %s by %s", t.Version, shortTime(t.UpdatedAt), t.UpdatedBy)},
		{"live", t.liveness()},
		{"whose", whose(t.Role)},
	}
	for _, optional := range [][]string{
		{"description", t.Description},
		{"categories", strings.Join(t.Categories, ", ")},
		{"languages", strings.Join(t.Languages, ", ")},
		{"library", t.Library},
	} {
		if optional[1] != "" {
			rows = append(rows, optional)
		}
	}
	if t.Threshold != 0 {
		rows = append(rows, []string{"threshold", strconv.FormatFloat(t.Threshold, 'g', -1, 64)})
	}
	if t.Stance != (tracking.Stance{}) {
		rows = append(rows, []string{"stance", stance(t.Stance)})
	}
	if t.AlertsPerHour != 0 {
		rows = append(rows, []string{"alerts per hour", strconv.Itoa(t.AlertsPerHour)})
	}
	var actions []string
	for _, a := range t.Actions {
		actions = append(actions, strings.TrimSpace(string(a.Type)+" "+a.Target))
	}
	for _, list := range []struct {
		title string
		items []string
	}{
		{"actions", actions}, {"phrases", t.Vocabulary}, {"exclusions", t.Exclusions}, {"negative examples", t.NegativeExamples},
	} {
		for i, item := range list.items {
			title := ""
			if i == 0 {
				title = list.title
			}
			rows = append(rows, []string{title, item})
		}
	}
	if err := columns(w, rows...); err != nil {
		return err
	}
	t.warn(w)
	return nil
}

func stance(s tracking.Stance) string {
	var parts []string
	for _, p := range []struct {
		name     string
		handling tracking.Handling
	}{{"negation", s.Negation}, {"question", s.Question}, {"conditional", s.Conditional}, {"reported", s.Reported}} {
		if p.handling != "" {
			parts = append(parts, p.name+": "+string(p.handling))
		}
	}
	return strings.Join(parts, ", ")
}

// Members are the flags that set the members of a tracker.
type Members struct {
	Description     *string  `help:"What it is about."`
	Phrase          []string `short:"p" sep:"none" help:"A phrase of the vocabulary; repeat it for more."`
	Phrases         string   `help:"File with a phrase on each line; - is standard input." type:"path"`
	Category        []string `help:"A category; repeat it for more."`
	Language        []string `help:"A language such as en-US; repeat it for more."`
	Threshold       *float64 `help:"How closely a sentence must mean a phrase, 0 to 1."`
	Role            *string  `help:"Whose words: caller, agent or anyone."`
	Exclude         []string `sep:"none" help:"A phrase that keeps a sentence from matching; repeat it for more."`
	NegativeExample []string `sep:"none" help:"A sentence that must not match; repeat it for more."`
	Negation        *string  `help:"What becomes of a negated phrase: match, ignore or separate."`
	Question        *string  `help:"The same of a question."`
	Conditional     *string  `help:"The same of a condition."`
	Reported        *string  `help:"The same of reported speech."`
	Action          []string `sep:"none" help:"What a match sets off: alert, \"webhook NAME\" or \"tag TAG\"; repeat it for more."`
	AlertsPerHour   *int     `help:"How many matches an hour set off actions."`
	Enabled         *bool    `help:"Whether calls are matched against it." negatable:""`
}

// patch returns the members that were given as a JSON merge patch.
func (m *Members) patch(stdin io.Reader) (map[string]any, error) {
	patch := map[string]any{}
	phrases, err := m.vocabulary(stdin)
	if err != nil {
		return nil, err
	}
	for name, list := range map[string][]string{
		"vocabulary": phrases, "categories": m.Category, "languages": m.Language, "exclusions": m.Exclude,
		"negative_examples": m.NegativeExample,
	} {
		if len(list) > 0 {
			patch[name] = list
		}
	}
	set(patch, "description", m.Description)
	set(patch, "threshold", m.Threshold)
	set(patch, "alerts_per_hour", m.AlertsPerHour)
	set(patch, "enabled", m.Enabled)
	if m.Role != nil && *m.Role == "anyone" {
		patch["role"] = nil
	} else {
		set(patch, "role", m.Role)
	}
	policy := map[string]any{}
	set(policy, "negation", m.Negation)
	set(policy, "question", m.Question)
	set(policy, "conditional", m.Conditional)
	set(policy, "reported", m.Reported)
	if len(policy) > 0 {
		patch["stance"] = policy
	}
	var actions []tracking.Action
	for _, a := range m.Action {
		kind, target, _ := strings.Cut(a, " ")
		actions = append(actions, tracking.Action{Type: tracking.ActionType(kind), Target: strings.TrimSpace(target)})
	}
	if len(actions) > 0 {
		patch["actions"] = actions
	}
	return patch, nil
}

func set[T any](patch map[string]any, name string, value *T) {
	if value != nil {
		patch[name] = *value
	}
}

// vocabulary returns the phrases of the flags and of the file.
func (m *Members) vocabulary(stdin io.Reader) ([]string, error) {
	if m.Phrases == "" {
		return m.Phrase, nil
	}
	data, err := readFile(m.Phrases, stdin)
	if err != nil {
		return nil, err
	}
	phrases := slices.Clone(m.Phrase)
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" {
			phrases = append(phrases, line)
		}
	}
	return phrases, nil
}

// readFile reads a file, or standard input for "-".
func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

type trackersAdd struct {
	Client
	Output
	Members
	Name string `arg:"" help:"Name of the tracker."`
}

// Run implements the command.
func (a *trackersAdd) Run(ctx context.Context, out streams) error {
	members, err := a.patch(os.Stdin)
	if err != nil {
		return err
	}
	members["name"] = a.Name
	var t shownTracker
	answer, err := a.sendJSON(ctx, request{method: http.MethodPost, path: "/trackers"}, members, &t)
	if err != nil {
		return err
	}
	return a.saved(out, answer, &t)
}

// saved prints what became of a tracker: its warnings aside, so that the output can be read by programs.
func (o *Output) saved(out streams, answer reply, t *shownTracker) error {
	t.warn(out.err)
	return o.write(out.out, answer.body, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  %s  version %d\n", t.ID, t.Name, t.Version)
		return err
	})
}

type trackersSet struct {
	Client
	Output
	Members
	Tracker      string   `arg:"" help:"Name or identity of the tracker."`
	Name         *string  `help:"A new name."`
	AddPhrase    []string `sep:"none" help:"A phrase to add to the vocabulary; repeat it for more."`
	RemovePhrase []string `sep:"none" help:"A phrase to take out of the vocabulary; repeat it for more."`
	Clear        []string `help:"A member to set back to its default, such as threshold or stance; repeat it for more."`
}

// Run implements the command. It changes the version that it has read, and no other.
func (s *trackersSet) Run(ctx context.Context, out streams) error {
	old, answer, err := s.find(ctx, s.Tracker)
	if err != nil {
		return err
	}
	patch, err := s.change(&old)
	if err != nil {
		return err
	}
	var t shownTracker
	answer, err = s.sendJSON(ctx, request{
		method: http.MethodPatch, path: "/trackers/" + string(old.ID), header: http.Header{"If-Match": {answer.header.Get("ETag")}},
	}, patch, &t)
	if err != nil {
		return err
	}
	return s.saved(out, answer, &t)
}

// change returns the merge patch that the flags ask for.
func (s *trackersSet) change(old *shownTracker) (map[string]any, error) {
	patch, err := s.patch(os.Stdin)
	if err != nil {
		return nil, err
	}
	set(patch, "name", s.Name)
	for _, member := range s.Clear {
		patch[strings.ReplaceAll(member, "-", "_")] = nil
	}
	if len(s.AddPhrase)+len(s.RemovePhrase) > 0 {
		phrases, given := patch["vocabulary"].([]string)
		if !given {
			phrases = old.Vocabulary
		}
		for _, p := range s.RemovePhrase {
			if !slices.Contains(phrases, p) {
				return nil, fmt.Errorf("the vocabulary has no phrase %q", p)
			}
		}
		kept := slices.DeleteFunc(slices.Clone(phrases), func(p string) bool { return slices.Contains(s.RemovePhrase, p) })
		patch["vocabulary"] = append(kept, s.AddPhrase...)
	}
	if len(patch) == 0 {
		return nil, errors.New("nothing to change: give a flag such as --threshold")
	}
	return patch, nil
}

type trackersRemove struct {
	Client
	Trackers []string `arg:"" help:"Names or identities of the trackers."`
}

// Run implements the command.
func (r *trackersRemove) Run(ctx context.Context, out streams) error {
	for _, key := range r.Trackers {
		t, _, err := r.find(ctx, key)
		if err != nil {
			return err
		}
		if _, err := r.send(ctx, request{method: http.MethodDelete, path: "/trackers/" + string(t.ID)}); err != nil {
			return err
		}
		fmt.Fprintf(out.out, "deleted %s  %s; bring it back with: operatord trackers restore %s %d\n", t.ID, t.Name, t.ID, t.Version)
	}
	return nil
}
