package api_test
import ("testing";"net/http";"io";"time"
"github.com/hivemesh/hivemesh/api/apitest"
"github.com/hivemesh/hivemesh/client")
func TestDbg(t *testing.T){
	m := apitest.Start(t, apitest.Config{})
	r, err := m.Client.Register(within(t,5*time.Second), client.RegisterRequest{Name:"x"})
	t.Log(r, err)
	_, err = m.Client.Submit(within(t,5*time.Second), client.SubmitRequest{})
	t.Log(err)
	for _, p := range []string{"/v1/agents/"+r.ID+"/assignments?wait=2s", "/v1/tasks","/v1/tasks/zz", "/v1/projections","/readyz","/v1/counts","/v1/events?limit=2","/v1/nope","/metrics"} {
		req, _ := http.NewRequest("GET", m.URL+p, nil)
		req.Header.Set("Authorization","Bearer "+m.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil { t.Log(err); continue }
		b, _ := io.ReadAll(res.Body)
		if len(b) > 1500 { b = b[:1500] }
		t.Log(p, res.Status, res.Header, string(b))
	}
	http.DefaultClient.CloseIdleConnections()
}
