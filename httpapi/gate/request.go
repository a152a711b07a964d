package gate

import (
	"net/http"
	"time"
)

// Request is one request on its way. It is the http.ResponseWriter of the handlers
// behind the gate, so that the status is known in the end. A face may embed it in
// what it knows of a request itself, and may pool it: nothing keeps it after Leave.
type Request struct {
	W       http.ResponseWriter
	R       *http.Request
	Started time.Time
	ID      string // in the reply's X-Request-Id, the log and the audit
	IP      string // of the client, behind trusted proxies
	Secure  bool   // the client speaks https

	// What the face finds out, for the log.
	Route  string // the route's pattern; "" outside the routes
	Label  string // the visible part of a key, the id of a user; "" before that is known
	Status int    // sent; 0 = nothing yet
	Cause  error  // of a 500 or a 401
}

// StatusGone stands in the log for a client that hung up.
const StatusGone = 499

// Header gives the headers of the reply.
func (q *Request) Header() http.Header { return q.W.Header() }

// Write writes the body, and the status 200 before it if there was none.
func (q *Request) Write(b []byte) (int, error) {
	if q.Status == 0 {
		q.Status = http.StatusOK
	}
	return q.W.Write(b)
}

// WriteHeader writes the status, and notes the first for the log.
func (q *Request) WriteHeader(status int) {
	if q.Status == 0 {
		q.Status = status
	}
	q.W.WriteHeader(status)
}

// Unwrap gives the connection's own writer to http.ResponseController.
func (q *Request) Unwrap() http.ResponseWriter { return q.W }
