package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnknownModel is returned for a name that is not in the Catalog.
var ErrUnknownModel = errors.New("unknown model")

// Model is an official speech model that Pull can download.
type Model struct {
	Name string // as whisper.cpp calls it, such as base.en
	Size string // on disk, as published
	SHA1 string // as published by whisper.cpp, lower-case hexadecimal
}

// File returns the name of the model's file.
func (m Model) File() string { return "ggml-" + m.Name + ".bin" }

// Multilingual reports whether the model knows other languages than English.
func (m Model) Multilingual() bool { return !strings.Contains(m.Name, ".en") }

// Catalog returns the official whisper.cpp models, smallest first. Names, sizes and SHA-1 sums are those of
// models/README.md in whisper.cpp 1.9.1, which publishes no SHA-256.
func Catalog() []Model {
	return []Model{
		{"tiny.en", "75 MiB", "c78c86eb1a8faa21b369bcd33207cc90d64ae9df"},
		{"tiny", "75 MiB", "bd577a113a864445d4c299885e0cb97d4ba92b5f"},
		{"base.en", "142 MiB", "137c40403d78fd54d454da0f9bd998f78703390c"},
		{"base", "142 MiB", "465707469ff3a37a2b9b8d8f89f2f99de7299dac"},
		{"small.en", "466 MiB", "db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"},
		{"small", "466 MiB", "55356645c2b361a969dfd0ef2c5a50d530afd8d5"},
		{"large-v3-turbo-q5_0", "547 MiB", "e050f7970618a659205450ad97eb95a18d69c9ee"},
		{"large-v3-q5_0", "1.1 GiB", "e6e2ed78495d403bef4b7cff42ef4aaadcfea8de"},
		{"medium.en", "1.5 GiB", "8c30f0e44ce9560643ebd10bbe50cd20eafd3723"},
		{"medium", "1.5 GiB", "fd9727b6e1217c2f614f9b698455c4ffd82463b4"},
		{"large-v3-turbo", "1.5 GiB", "4af2b29d7ec73d781377bfd1758ca957a807e941"},
		{"large-v2", "2.9 GiB", "0f4c8e34f21cf1a914c59d8b3ce882345ad349d6"},
		{"large-v3", "2.9 GiB", "ad82bf6a9043ceed055076d0fd39f5f186ff8062"},
	}
}

// find returns the model with the given name, or ErrUnknownModel with the names there are.
func find(name string) (Model, error) {
	models := Catalog()
	i := slices.IndexFunc(models, func(m Model) bool { return m.Name == name })
	if i >= 0 {
		return models[i], nil
	}
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name
	}
	return Model{}, fmt.Errorf("%w %q: there are %s", ErrUnknownModel, name, strings.Join(names, ", "))
}
