package api_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
)

func TestDocumentIsUpToDate(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	url := serve(t, apitest.New(), func(o *api.Options) { o.Version = "dev" })
	require.Equal(t, string(want), get(t, url+"/openapi.yaml").body, "run `make generate`")
}
