package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/tracking/catalog"
)

// churn is a valid tracker without warnings.
const churn = `{"name":"Churn","vocabulary":["cancel my contract","close my account","end my subscription","stop my service","I am leaving you"]}`

// trackers serves an empty catalog and returns its address.
func trackers(t *testing.T) (string, *apitest.Daemon) {
	t.Helper()
	d := apitest.New()
	return serve(t, d) + "/api/v1/trackers", d
}

// created creates a tracker and returns it.
func created(t *testing.T, url, body string) api.TrackerView {
	t.Helper()
	a := do(t, http.MethodPost, url, body)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	var v api.TrackerView
	a.decode(t, &v)
	require.Equal(t, `"1"`, a.header.Get("ETag"))
	require.Equal(t, "/api/v1/trackers/"+string(v.ID), a.header.Get("Location"))
	return v
}

// requireBad asserts that a is a bad request that names the member at fault.
func (a answer) requireBad(t *testing.T, member, problem string) {
	t.Helper()
	a.requireProblem(t, http.StatusBadRequest, "")
	var p huma.ErrorModel
	a.decode(t, &p)
	require.Contains(t, p.Detail, member)
	require.Contains(t, p.Detail, problem)
	var places []string
	for _, e := range p.Errors {
		places = append(places, e.Location)
	}
	require.Contains(t, places, member)
}

func (a answer) tracker(t *testing.T) api.TrackerView {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	var v api.TrackerView
	a.decode(t, &v)
	return v
}

func TestCreateTracker(t *testing.T) {
	url, _ := trackers(t)
	v := created(t, url, churn)
	require.Equal(t, "Churn", v.Name)
	require.Equal(t, 1, v.Version)
	require.Equal(t, "api", v.UpdatedBy)
	require.True(t, v.Enabled, "unless the draft says otherwise")
	require.Empty(t, v.Warnings)
	require.Equal(t, v.Vocabulary, get(t, url+"/"+string(v.ID)).tracker(t).Vocabulary)

	t.Run("a name is taken once, letter case matters", func(t *testing.T) {
		do(t, http.MethodPost, url, churn).requireProblem(t, http.StatusConflict, "name is taken")
		created(t, url, strings.Replace(churn, "Churn", "churn", 1))
	})
	t.Run("everything survives the way there and back", func(t *testing.T) {
		full := `{"name":"Full","description":"d","categories":["a","b"],"vocabulary":["one","two"],"threshold":0.7,"role":"caller",
			"languages":["en-US"],"exclusions":["three"],"negative_examples":["four five"],"stance":{"negation":"separate","question":"ignore"},
			"actions":[{"type":"alert"},{"type":"webhook","target":"crm"},{"type":"tag","target":"vip"}],"alerts_per_hour":5,"enabled":false,
			"library":"Full"}`
		v := created(t, url, full)
		v.Warnings = nil
		back, err := json.Marshal(catalog.ContentOf(v.Tracker))
		require.NoError(t, err)
		require.JSONEq(t, full, string(back))
	})
}

func TestBadTrackers(t *testing.T) {
	url, _ := trackers(t)
	for name, c := range map[string]struct{ body, member, problem string }{
		"not JSON":           {`{"name":`, "body", "is not JSON"},
		"no object":          {`[1]`, "body", "want an object, got a list"},
		"nothing":            {`null`, "body", "want an object, got nothing"},
		"no name":            {`{"vocabulary":["a"]}`, "name", "is empty"},
		"no vocabulary":      {`{"name":"a"}`, "vocabulary", "has no phrase"},
		"name of wrong type": {`{"name":5,"vocabulary":["a"]}`, "name", "want text, got a number"},
		"vocabulary of wrong type": {
			`{"name":"a","vocabulary":"a"}`, "vocabulary", "want a list of text, got text",
		},
		"phrase of wrong type":    {`{"name":"a","vocabulary":["a",1]}`, "vocabulary[1]", "want text, got a number"},
		"enabled of wrong type":   {`{"name":"a","vocabulary":["a"],"enabled":"yes"}`, "enabled", "want true or false, got text"},
		"threshold of wrong type": {`{"name":"a","vocabulary":["a"],"threshold":"0.5"}`, "threshold", "want a number, got text"},
		"budget of wrong type":    {`{"name":"a","vocabulary":["a"],"alerts_per_hour":1.5}`, "alerts_per_hour", "want a whole number"},
		"unknown member":          {`{"name":"a","vocabulary":["a"],"phrases":["a"]}`, "phrases", "there is no such member"},
		"member of another case":  {`{"Name":"a","vocabulary":["a"]}`, "Name", "there is no such member"},
		"unknown nested member": {
			`{"name":"a","vocabulary":["a"],"stance":{"negated":"match"}}`, "stance.negated", "there is no such member",
		},
		"phrase twice":         {`{"name":"a","vocabulary":["go away","Go  AWAY"]}`, "vocabulary[1]", "repeats vocabulary[0]"},
		"parenthesis":          {`{"name":"a","vocabulary":["go (away)"]}`, "vocabulary[0]", "parenthesis or bracket"},
		"bracket":              {`{"name":"a","vocabulary":["go [away]"]}`, "vocabulary[0]", "parenthesis or bracket"},
		"no word":              {`{"name":"a","vocabulary":["?!"]}`, "vocabulary[0]", "has no word"},
		"empty phrase":         {`{"name":"a","vocabulary":["  "]}`, "vocabulary[0]", "is empty"},
		"long phrase":          {`{"name":"a","vocabulary":["` + strings.Repeat("a ", 151) + `b"]}`, "vocabulary[0]", "longer than 300"},
		"threshold too high":   {`{"name":"a","vocabulary":["a"],"threshold":1.5}`, "threshold", "not between 0 and 1"},
		"unknown role":         {`{"name":"a","vocabulary":["a"],"role":"boss"}`, "role", "not caller or agent"},
		"no language":          {`{"name":"a","vocabulary":["a"],"languages":["english, I think"]}`, "languages[0]", "BCP 47"},
		"unknown stance":       {`{"name":"a","vocabulary":["a"],"stance":{"negation":"maybe"}}`, "stance.negation", "not match, ignore or separate"},
		"unknown action":       {`{"name":"a","vocabulary":["a"],"actions":[{"type":"shout"}]}`, "actions[0].type", "not alert"},
		"action without aim":   {`{"name":"a","vocabulary":["a"],"actions":[{"type":"tag"}]}`, "actions[0].target", "is empty"},
		"budget below nothing": {`{"name":"a","vocabulary":["a"],"alerts_per_hour":-1}`, "alerts_per_hour", "not between"},
	} {
		t.Run(name, func(t *testing.T) { do(t, http.MethodPost, url, c.body).requireBad(t, c.member, c.problem) })
	}
	t.Run("all problems are told at once", func(t *testing.T) {
		a := do(t, http.MethodPost, url, `{"name":"","vocabulary":["a(","b)","c["],"role":"x"}`)
		a.requireProblem(t, http.StatusBadRequest, "and 2 more")
		var p huma.ErrorModel
		a.decode(t, &p)
		require.Len(t, p.Errors, 5)
	})
	t.Run("most punctuation is allowed", func(t *testing.T) {
		created(t, url, `{"name":"Punctuation","vocabulary":["what's that, really?","no! it's 24-7: yes"]}`)
	})
	t.Run("a body over 1 MB is refused", func(t *testing.T) {
		body := `{"name":"Large","description":"` + strings.Repeat("x", 1<<20) + `"}`
		do(t, http.MethodPost, url, body).requireProblem(t, http.StatusRequestEntityTooLarge, "too large")
		do(t, http.MethodPost, url+"/import", body+body+body).requireProblem(t, http.StatusRequestEntityTooLarge, "too large")
	})
}

func TestTrackerWarnings(t *testing.T) {
	url, d := trackers(t)
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf("phrase number %d", i)
	}
	list, err := json.Marshal(many)
	require.NoError(t, err)
	d.SetPhraseCounts(map[string]int{"hello": 40, "goodbye": 10}, 100)
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"few phrases":  {`{"name":"1","vocabulary":["a"]}`, []string{"few_phrases vocabulary"}},
		"many phrases": {`{"name":"2","vocabulary":` + string(list) + `}`, []string{"many_phrases vocabulary"}},
		"a phrase that is excluded": {
			strings.Replace(churn, `Churn"`, `3","exclusions":["My Account"]`, 1), []string{"contradiction vocabulary[1]"},
		},
		"a phrase that fires often": {
			`{"name":"4","vocabulary":["hello","goodbye","c","d","e"]}`, []string{"fires_often vocabulary[0]"},
		},
		"actions that do nothing": {
			strings.Replace(churn, `Churn"`, `5","actions":[{"type":"say","target":"hi"},{"type":"webhook","target":"none"},{"type":"webhook","target":"crm"}]`, 1),
			[]string{"action_unavailable actions[0]", "unknown_endpoint actions[1].target"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := created(t, url, c.body)
			var got []string
			for _, w := range v.Warnings {
				got = append(got, string(w.Code)+" "+w.Member)
			}
			require.Equal(t, c.want, got)
			require.Equal(t, v.Warnings, get(t, url+"/"+string(v.ID)).tracker(t).Warnings)
		})
	}
}

func TestListTrackers(t *testing.T) {
	url, _ := trackers(t)
	for _, body := range []string{
		`{"name":"Abuse","categories":["quality"],"languages":["en"],"vocabulary":["idiot"],"enabled":false}`,
		`{"name":"Churn","categories":["retention"],"languages":["en-US"],"vocabulary":["cancel my contract"]}`,
		`{"name":"churn","categories":["retention","sales"],"vocabulary":["leave you"]}`,
		`{"name":"Kündigung","categories":["retention"],"languages":["de-DE"],"vocabulary":["ich kündige"]}`,
	} {
		created(t, url, body)
	}
	names := func(query string) []string {
		t.Helper()
		var page struct {
			Items []api.TrackerView
			Next  string `json:"next_cursor"`
		}
		a := get(t, url+query)
		require.Equal(t, http.StatusOK, a.status, a.body)
		a.decode(t, &page)
		list := []string{}
		for _, v := range page.Items {
			list = append(list, v.Name)
		}
		if page.Next != "" {
			list = append(list, page.Next)
		}
		return list
	}
	for query, want := range map[string][]string{
		"":                             {"Abuse", "Churn", "Kündigung", "churn"},
		"?name=churn":                  {"churn"},
		"?name=CHURN":                  {},
		"?category=retention":          {"Churn", "Kündigung", "churn"},
		"?category=sales&name=Churn":   {},
		"?enabled=false":               {"Abuse"},
		"?enabled=true&language=de":    {"Kündigung", "churn"},
		"?language=EN-us":              {"Abuse", "Churn", "churn"},
		"?q=CANCEL":                    {"Churn"},
		"?limit=2&cursor=" + "Q2h1cm4": {"Kündigung", "churn"},
	} {
		require.Equal(t, want, names(query), query)
	}
	page := names("?limit=2")
	require.Equal(t, []string{"Abuse", "Churn"}, page[:2])
	require.Equal(t, []string{"Kündigung", "churn"}, names("?limit=2&cursor="+page[2]))
	get(t, url+"?cursor=%25").requireProblem(t, http.StatusUnprocessableEntity, "cursor")
	get(t, url+"/none").requireProblem(t, http.StatusNotFound, "not found")
}

func TestReplaceTracker(t *testing.T) {
	url, _ := trackers(t)
	v := created(t, url, churn)
	created(t, url, `{"name":"Other","vocabulary":["other"]}`)
	url += "/" + string(v.ID)
	t.Run("members that are left out go", func(t *testing.T) {
		do(t, http.MethodPatch, url, `{"description":"d"}`).tracker(t)
		replaced := do(t, http.MethodPut, url, churn).tracker(t)
		require.Empty(t, replaced.Description)
		require.Equal(t, 3, replaced.Version)
		require.Equal(t, v.CreatedAt, replaced.CreatedAt)
	})
	t.Run("what is the same makes no version", func(t *testing.T) {
		require.Equal(t, 3, do(t, http.MethodPut, url, churn).tracker(t).Version)
	})
	t.Run("an answer can be edited and sent back", func(t *testing.T) {
		a := get(t, url)
		edited := strings.Replace(a.body, "close my account", "delete my account", 1)
		require.Equal(t, 4, do(t, http.MethodPut, url, edited).tracker(t).Version)
		do(t, http.MethodPut, url, strings.Replace(edited, "Churn", "Leaving", 1)).
			requireProblem(t, http.StatusConflict, "version 3 was changed meanwhile")
	})
	t.Run("a version that is not the expected one is kept", func(t *testing.T) {
		do(t, http.MethodPut, url, churn, "If-Match", `"1"`).requireProblem(t, http.StatusPreconditionFailed, "version 4")
		do(t, http.MethodPatch, url, `{}`, "If-Match", `W/"4"`).requireProblem(t, http.StatusPreconditionFailed, "version 4")
		require.Equal(t, `"5"`, do(t, http.MethodPut, url, churn, "If-Match", `"3", "4"`).header.Get("ETag"))
		require.Equal(t, http.StatusOK, do(t, http.MethodPatch, url, `{}`, "If-Match", "*").status)
	})
	t.Run("errors", func(t *testing.T) {
		do(t, http.MethodPut, url, strings.Replace(churn, "Churn", "Other", 1)).requireProblem(t, http.StatusConflict, "name is taken")
		do(t, http.MethodPut, url, `{"id":"1732207200000000","name":"a","vocabulary":["a"]}`).requireBad(t, "id", "not that of the path")
		do(t, http.MethodPut, url, `{"name":"a"}`).requireBad(t, "vocabulary", "has no phrase")
		do(t, http.MethodPut, url+"9", churn).requireProblem(t, http.StatusNotFound, "not found")
	})
}

func TestPatchTracker(t *testing.T) {
	url, _ := trackers(t)
	v := created(t, url, `{"name":"Churn","description":"d","vocabulary":["a","b"],"stance":{"negation":"match","question":"ignore"}}`)
	url += "/" + string(v.ID)
	patched := do(t, http.MethodPatch, url, `{"vocabulary":["c"],"description":null,"stance":{"question":null,"reported":"ignore"},"enabled":false}`,
		"Content-Type", "application/merge-patch+json", "User-Agent", "operatord-cli/1").tracker(t)
	require.Equal(t, []string{"c"}, patched.Vocabulary)
	require.Empty(t, patched.Description)
	require.Equal(t, "Churn", patched.Name)
	require.False(t, patched.Enabled)
	require.JSONEq(t, `{"negation":"match","reported":"ignore"}`, string(must(json.Marshal(patched.Stance))))
	require.Equal(t, "cli", patched.UpdatedBy)
	for body, member := range map[string]string{
		`{"name":null}`: "name", `{"vocabulary":{"0":"a"}}`: "vocabulary", `{"x":1}`: "x", `7`: "body", `{"threshold":2}`: "threshold",
	} {
		do(t, http.MethodPatch, url, body).requireBad(t, member, "")
	}
	do(t, http.MethodPatch, url+"9", `{}`).requireProblem(t, http.StatusNotFound, "not found")
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestTrackerIsNotSentAgain(t *testing.T) {
	url, _ := trackers(t)
	v := created(t, url, churn)
	a := get(t, url+"/"+string(v.ID), "If-None-Match", `"1"`)
	require.Equal(t, http.StatusNotModified, a.status)
	require.Empty(t, a.body)
	require.Equal(t, http.StatusOK, get(t, url+"/"+string(v.ID), "If-None-Match", `"2"`).status)
}

func TestDeleteAndRestoreTracker(t *testing.T) {
	url, _ := trackers(t)
	v := created(t, url, churn)
	one := url + "/" + string(v.ID)
	do(t, http.MethodPatch, one, `{"threshold":0.9}`, "Sec-Fetch-Site", "same-origin").tracker(t)
	do(t, http.MethodDelete, one, "", "If-Match", `"1"`).requireProblem(t, http.StatusPreconditionFailed, "version 2")
	require.Equal(t, http.StatusNoContent, do(t, http.MethodDelete, one, "", "If-Match", `"2"`).status)
	get(t, one).requireProblem(t, http.StatusNotFound, "")
	do(t, http.MethodDelete, one, "").requireProblem(t, http.StatusNotFound, "")

	var versions struct{ Items []catalog.Version }
	get(t, one+"/versions").decode(t, &versions)
	require.Len(t, versions.Items, 2)
	require.Equal(t, []string{"threshold"}, versions.Items[0].Changed)
	require.Equal(t, "page", versions.Items[0].UpdatedBy)
	require.Empty(t, versions.Items[1].Changed)

	back := do(t, http.MethodPost, one+"/versions/1/restore", "").tracker(t)
	require.Equal(t, 3, back.Version)
	require.Equal(t, v.ID, back.ID)
	require.Zero(t, back.Threshold)
	require.Equal(t, 4, do(t, http.MethodPost, one+"/versions/2/restore", "").tracker(t).Version)
	do(t, http.MethodPost, one+"/versions/9/restore", "").requireProblem(t, http.StatusNotFound, "version 9")
	get(t, url+"/1/versions").requireProblem(t, http.StatusNotFound, "")

	var record struct {
		Items []struct{ Kind, By, Tracker string }
		Next  int64 `json:"next_before"`
	}
	get(t, url+"/changes?limit=2").decode(t, &record)
	require.Len(t, record.Items, 2)
	get(t, fmt.Sprintf("%s/changes?before=%d", url, record.Next)).decode(t, &record)
	require.Equal(t, "deleted", record.Items[0].Kind)
	require.Equal(t, "created", record.Items[2].Kind)
}

func TestCreateManyTrackers(t *testing.T) {
	url, _ := trackers(t)
	created(t, url, churn)
	bulk := url + "/bulk"
	a := do(t, http.MethodPost, bulk, `{"items":[{"name":"A","vocabulary":["a"]},{"name":"B","vocabulary":["b"]}]}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Contains(t, a.body, "few_phrases")

	t.Run("all or none", func(t *testing.T) {
		do(t, http.MethodPost, bulk, `{"items":[{"name":"C","vocabulary":["c"]},{"name":"D"}]}`).requireBad(t, "items[1].vocabulary", "has no phrase")
		do(t, http.MethodPost, bulk, `{"items":[{"name":"C","vocabulary":["c"]},{"name":1}]}`).requireBad(t, "items[1].name", "want text")
		do(t, http.MethodPost, bulk, `[{"name":"C","vocabulary":["c"]},{"name":"C","vocabulary":["c"]}]`).requireBad(t, "items[1].name", "repeats")
		do(t, http.MethodPost, bulk, `[{"name":"C","vocabulary":["c"]},`+churn+`]`).requireProblem(t, http.StatusConflict, "Churn")
		require.NotContains(t, get(t, url).body, `"C"`)
		do(t, http.MethodPost, bulk, `{"items":[]}`).requireBad(t, "items", "is empty")
		do(t, http.MethodPost, bulk, `{"items":7}`).requireBad(t, "items", "want an object with a list")
	})
	t.Run("each for itself", func(t *testing.T) {
		a := do(t, http.MethodPost, bulk+"?mode=each", `{"items":[{"name":"C","vocabulary":["c"]},`+churn+`,{"name":"D"}]}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		var out struct{ Items []api.BulkItem }
		a.decode(t, &out)
		require.Equal(t, []int{201, 409, 400}, []int{out.Items[0].Status, out.Items[1].Status, out.Items[2].Status})
		require.Equal(t, "C", out.Items[0].Tracker.Name)
		require.Contains(t, out.Items[1].Error, "name is taken")
		require.Contains(t, out.Items[2].Error, "vocabulary")
	})
	t.Run("500 at most", func(t *testing.T) {
		url, _ := trackers(t)
		var items []string
		for i := range 500 {
			items = append(items, fmt.Sprintf(`{"name":"T%d","vocabulary":["a"]}`, i))
		}
		all := "[" + strings.Join(items, ",")
		do(t, http.MethodPost, url+"/bulk", all+`,{"name":"x","vocabulary":["a"]}]`).requireBad(t, "items", "more trackers than")
		require.Equal(t, http.StatusCreated, do(t, http.MethodPost, url+"/bulk", all+"]").status)
		do(t, http.MethodPost, url, churn).requireBad(t, "trackers", "more than 500")
		do(t, http.MethodPost, url+"/import", `[`+churn+`]`, "Content-Type", "application/json").requireBad(t, "trackers", "501")
	})
}

func TestExportAndImportTrackers(t *testing.T) {
	from, _ := trackers(t)
	full := `{"name":"Full, \"quoted\"","description":"two\nlines","categories":["a","b"],"vocabulary":["one, two","it's: - 'odd' #1","no"],"threshold":0.75,
		"role":"agent","languages":["en-US"],"exclusions":["three"],"negative_examples":["four five"],"stance":{"negation":"separate","reported":"ignore"},
		"actions":[{"type":"alert"},{"type":"say","target":"hold on, please"}],"alerts_per_hour":5,"enabled":false,"library":"Full"}`
	created(t, from, full)
	created(t, from, churn)
	for format, media := range map[string]string{"yaml": "application/yaml", "csv": "text/csv", "json": "application/json"} {
		t.Run(format, func(t *testing.T) {
			file := get(t, from+"/export?format="+format)
			require.Equal(t, http.StatusOK, file.status, file.body)
			require.Equal(t, media+"; charset=utf-8", file.header.Get("Content-Type"))
			require.Contains(t, file.header.Get("Content-Disposition"), "trackers."+format)
			to, _ := trackers(t)

			dry := do(t, http.MethodPost, to+"/import?dry_run=true", file.body, "Content-Type", media)
			require.Equal(t, []string{"create Churn", `create Full, "quoted"`}, imported(t, dry))
			require.JSONEq(t, `{"items":[]}`, get(t, to).body)
			require.Equal(t, imported(t, dry), imported(t, do(t, http.MethodPost, to+"/import", file.body, "Content-Type", media)))
			require.Equal(t, file.body, get(t, to+"/export?format="+format).body)
			again := do(t, http.MethodPost, to+"/import?format="+format, file.body)
			require.Equal(t, []string{"unchanged Churn", `unchanged Full, "quoted"`}, imported(t, again))
		})
	}
}

// imported returns what an import did with each tracker.
func imported(t *testing.T, a answer) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	var out struct{ Items []api.Imported }
	a.decode(t, &out)
	var list []string
	for _, o := range out.Items {
		list = append(list, strings.TrimSpace(string(o.Action)+" "+o.Tracker.Name+" "+strings.Join(o.Changed, " ")))
	}
	return list
}

func TestImportMeetsExistingTrackers(t *testing.T) {
	url, _ := trackers(t)
	created(t, url, churn)
	file := "trackers:\n- name: Churn\n  vocabulary: [leave]\n- name: New\n  vocabulary:\n  - new phrase\n"
	do(t, http.MethodPost, url+"/import?format=yaml&existing=refuse", file).requireProblem(t, http.StatusConflict, "Churn")
	require.Equal(t, []string{"skip Churn", "create New"}, imported(t, do(t, http.MethodPost, url+"/import?format=yaml&existing=skip", file)))
	require.Equal(t, []string{"update Churn vocabulary", "unchanged New"}, imported(t, do(t, http.MethodPost, url+"/import?format=yaml", file)))
}

func TestBadImports(t *testing.T) {
	url, _ := trackers(t)
	for name, c := range map[string]struct{ media, body, member, problem string }{
		"empty file":            {"text/csv", "\n", "line 1", "names of the columns"},
		"only a header":         {"text/csv", "name,vocabulary\n", "trackers", "none"},
		"unknown column":        {"text/csv", "name,phrases\na,b\n", "line 1", `no column "phrases"`},
		"column twice":          {"text/csv", "name,name\na,b\n", "line 1", "twice"},
		"short row":             {"text/csv", "name,vocabulary\na\n", "body", "wrong number of fields"},
		"bad cell":              {"text/csv", "name,vocabulary,threshold\na,b,0.5\nc,d,high\n", "line 3.threshold", `"high"`},
		"bad value":             {"text/csv", "name,vocabulary\na,b\nc,d(\n", "trackers[1].vocabulary[0]", "parenthesis"},
		"no YAML":               {"application/yaml", "a: [", "body", "is not YAML"},
		"no trackers":           {"application/yaml", "a: b", "trackers", "want a list"},
		"two documents":         {"application/yaml", "[]\n---\n[]", "body", "one document"},
		"aliases without end":   {"application/yaml", bomb(), "body", "excessive aliasing"},
		"wrong type":            {"application/yaml", "trackers:\n- {name: a, vocabulary: [911]}", "trackers[0].vocabulary[0]", "want text"},
		"name twice":            {"application/yaml", "- {name: a, vocabulary: [b]}\n- {name: a, vocabulary: [c]}", "trackers[1].name", "repeats"},
		"JSON that is not":      {"application/json", "{", "body", "is not JSON"},
		"something beside them": {"application/json", `{"trackers":[],"x":1}`, "trackers", "nothing beside"},
	} {
		t.Run(name, func(t *testing.T) {
			do(t, http.MethodPost, url+"/import?dry_run=true", c.body, "Content-Type", c.media).requireBad(t, c.member, c.problem)
		})
	}
}

func TestImportOfPhraseRows(t *testing.T) {
	url, _ := trackers(t)
	file := "\ufeffname,phrase,categories\nChurn,cancel it,retention\nChurn,close it,\nRefund,money back,\n"
	require.Equal(t, []string{"create Churn", "create Refund"}, imported(t, do(t, http.MethodPost, url+"/import?format=csv", file)))
	var page struct{ Items []api.TrackerView }
	get(t, url+"?name=Churn").decode(t, &page)
	require.Equal(t, []string{"cancel it", "close it"}, page.Items[0].Vocabulary)
	require.Equal(t, []string{"retention"}, page.Items[0].Categories)
}

// bomb returns a few lines of YAML that stand for a billion items.
func bomb() string {
	lines := []string{"a0: &a0 [x,x,x,x,x,x,x,x,x,x]"}
	for i := 1; i < 10; i++ {
		last := fmt.Sprintf("*a%d", i-1)
		lines = append(lines, fmt.Sprintf("a%d: &a%d [%s]", i, i, strings.Join(slices.Repeat([]string{last}, 10), ",")))
	}
	return strings.Join(lines, "\n")
}
