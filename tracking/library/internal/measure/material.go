package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/operatord/operatord/conversation"
)

//go:embed mapping.yaml
var mappingYAML []byte

// labels are the labels of one set that have to do with an entry.
type labels struct {
	Right   []string `yaml:"right"`
	Related []string `yaml:"related"`
}

// mapping holds the labels by entry and set.
type mapping map[string]map[string]labels

func readMapping() (mapping, error) {
	var m mapping
	return m, yaml.UnmarshalWithOptions(mappingYAML, &m, yaml.Strict())
}

// row is a text with the labels that its set gives it.
type row struct {
	labels []string
	text   string
}

// turn is a text of our own with the entries that should fire and those that may.
type turn struct {
	held            bool // it was written after the phrases and changed none of them
	role            conversation.Role
	wanted, allowed []string
	text            string
}

// ownSet names the turns of our own in listings and figures, backgroundSet the turns of multidogo in which nothing should fire.
const (
	ownSet        = "own"
	backgroundSet = "background"
)

// material is what the library is measured on.
type material struct {
	turns []turn
	sets  map[string][]row
}

// readMaterial reads the turns of our own and, if a folder is given, the public sets in it.
func readMaterial(turns, folder string) (material, error) {
	m := material{sets: make(map[string][]row)}
	err := eachRow(turns, func(cells map[string]string) {
		m.turns = append(m.turns, turn{
			held: cells["use"] == "held", role: conversation.Role(cells["role"]), text: cells["text"],
			wanted: names(cells["wanted"]), allowed: names(cells["allowed"]),
		})
	})
	if err != nil || folder == "" {
		return m, err
	}
	for _, set := range []string{"clinc150", "banking77", "hwu64"} {
		err := eachRow(filepath.Join(folder, set+".tsv"), func(cells map[string]string) {
			if cells["split"] == "test" {
				m.sets[set] = append(m.sets[set], row{[]string{cells["label"]}, cells["text"]})
			}
		})
		if err != nil {
			return m, err
		}
	}
	return m, eachRow(filepath.Join(folder, "multidogo.tsv"), m.addDialogueTurn)
}

// chatter are the labels of turns in which a customer says nothing an entry could mean.
var chatter = []string{ //nolint:gochecknoglobals // a constant
	"contentonly", "confirmation", "rejection", "thankyou", "openinggreeting", "closinggreeting",
}

// addDialogueTurn adds a turn of multidogo to the background or to the set. Turns labelled out of domain are left out: they
// say anything.
func (m *material) addDialogueTurn(cells map[string]string) {
	r := row{strings.Split(cells["labels"], "<div>"), cells["text"]}
	set := "multidogo"
	switch {
	case slices.Contains(r.labels, "outofdomain"):
		return
	case !slices.ContainsFunc(r.labels, func(l string) bool { return !slices.Contains(chatter, l) }):
		set = backgroundSet
	}
	m.sets[set] = append(m.sets[set], r)
}

// names splits a list of entries; "-" is none.
func names(list string) []string {
	if list == "-" {
		return nil
	}
	return strings.Split(list, "; ")
}

// eachRow reads a tab-separated file whose first line names the columns.
func eachRow(path string, visit func(cells map[string]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	var columns []string
	for line := 1; scanner.Scan(); line++ {
		cells := strings.Split(scanner.Text(), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		if len(cells) != len(columns) {
			return fmt.Errorf("%s:%d: %d columns, not %d", path, line, len(cells), len(columns))
		}
		named := make(map[string]string, len(columns))
		for i, cell := range cells {
			named[columns[i]] = cell
		}
		visit(named)
	}
	return scanner.Err()
}
