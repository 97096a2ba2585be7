package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
)

func TestHost(t *testing.T) {
	status := func(t *testing.T, url, host, token string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/system", nil)
		require.NoError(t, err)
		request.Host = host
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	open := serve(t, apitest.New())
	for host, want := range map[string]int{
		"127.0.0.1:8080": http.StatusOK, "localhost:8080": http.StatusOK, "[::1]:8080": http.StatusOK, "127.0.0.1": http.StatusOK,
		"attacker.example": http.StatusMisdirectedRequest, "attacker.example:8080": http.StatusMisdirectedRequest,
	} {
		t.Run(host+" without a token", func(t *testing.T) { require.Equal(t, want, status(t, open, host, "")) })
	}
	t.Run("any name with a token", func(t *testing.T) {
		url := serve(t, apitest.New(), func(o *api.Options) { o.Token = "s3cret" })
		require.Equal(t, http.StatusOK, status(t, url, "operator.example", "s3cret"))
	})
}
