// Package httpapi is the HTTP face of the engine: the API under /api/v1 in its
// two wire forms, with its own description at /openapi.json and /docs. It
// decodes, calls one use case and encodes; it knows no rule of the house. The
// contract it keeps is contract.md §1–§8.
package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/julienschmidt/httprouter"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/httpapi/gate"
)

// Options are the operator's choices; New fills in the defaults.
type Options struct {
	Version   string // of the program, for the document
	PublicURL string // "https://api.clinic.example"; "" = relative
	AllowHTTP bool   // plain http from other machines: a LAN

	// Proxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto count.
	Proxies []netip.Prefix

	MaxBody           int64 // bytes; default 1 MiB
	FailuresPerMinute int   // failed authentications of one address; default 30
	JWT               JWT   // sessions; off without a secret

	Log   *slog.Logger     // default: discards
	Now   func() time.Time // default: the engine's clock
	Ready func() error     // what /readyz asks; nil is always ready

	// Checks are the details of /readyz: what does not stop the service, but wants
	// somebody's attention. It is public: no paths, no names.
	Checks func() []Check

	// More are the rows of further packages, behind the same gates.
	More []Group
}

// Server is the API as an http.Handler.
type Server struct {
	e        *engine.Engine
	o        Options
	router   *httprouter.Router
	routes   []*route
	registry huma.Registry
	document *Document
	samples  map[string]any    // of all groups
	names    map[string]string // of fields and parameters whose flat spelling differs
	gate     *gate.Gate
	rates    gate.Limiter
	failures gate.Limiter
	origins  originList
	large    chan struct{} // bodies over largeBody that are being taken apart
	other    stat          // requests outside the route table
}

// New builds the server. It refuses a table with a route that declares no scope,
// a path twice, or a name that the flat form could not spell.
func New(e *engine.Engine, o Options) (*Server, error) {
	s := &Server{e: e, o: o, large: make(chan struct{}, 1)}
	s.defaults()
	s.gate = gate.New(gate.Options{AllowHTTP: s.o.AllowHTTP, Proxies: s.o.Proxies, Log: s.o.Log})
	s.registry = newRegistry()
	s.router = &httprouter.Router{
		HandleMethodNotAllowed: true,
		NotFound:               http.HandlerFunc(s.notFound),
		MethodNotAllowed:       http.HandlerFunc(s.methodNotAllowed),
	}
	groups, err := arrange(s.table(), o.More)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		for _, row := range g.Rows {
			if err := s.add(row); err != nil {
				return nil, err
			}
		}
	}
	if s.samples, err = allSamples(groups); err != nil {
		return nil, err
	}
	for _, t := range []reflect.Type{reflect.TypeFor[Fault](), reflect.TypeFor[FlatFault](),
		reflect.TypeFor[Pagination](), reflect.TypeFor[WebhookEvent]()} {
		s.registry.Schema(t, true, "") // from here on the registry is only read
	}
	if err := dress(s.registry); err != nil {
		return nil, err
	}
	s.names = s.fieldNames()
	s.document = newDocument(s)
	return s, nil
}

func (s *Server) defaults() {
	if s.o.Version == "" {
		s.o.Version = "dev"
	}
	if s.o.MaxBody == 0 {
		s.o.MaxBody = 1 << 20
	}
	if s.o.FailuresPerMinute == 0 {
		s.o.FailuresPerMinute = 30
	}
	if s.o.JWT.TTL == 0 {
		s.o.JWT.TTL = DefaultSessionTTL
	}
	if s.o.Log == nil {
		s.o.Log = slog.New(slog.DiscardHandler)
	}
	if s.o.Now == nil {
		s.o.Now = s.e.Now
	}
	if s.o.Ready == nil {
		s.o.Ready = func() error { return nil }
	}
}

// add puts a row into the router.
func (s *Server) add(row Row) (err error) {
	defer func() {
		if p := recover(); p != nil { // so the router and the registry say that a path or a name is taken
			err = fmt.Errorf("httpapi: %s %s: %v", row.Method, row.Path, p)
		}
	}()
	rt := &route{Row: row, pattern: Base + row.Path, shape: row.Op.shape()}
	switch {
	case row.Public && row.Scope != scope.None, !row.Public && !row.Open && row.Scope == scope.None:
		return fmt.Errorf("httpapi: %s %s must declare its scope, or be Open to any key, or Public", row.Method,
			row.Path)
	case row.Status == 0 || row.ID == "" || row.Summary == "" || row.Tag == "":
		return fmt.Errorf("httpapi: %s %s must declare its status, id, summary and tag", row.Method, row.Path)
	case strings.HasPrefix(row.Path, "//"): // outside Base: "//healthz"
		rt.pattern = row.Path[1:]
	}
	if rt.input, err = newBinder(s.registry, rt.shape.in); err != nil {
		return fmt.Errorf("httpapi: %s %s: %w", row.Method, row.Path, err)
	}
	if out := rt.shape.out; out != nil {
		s.registry.Schema(out, true, out.Name())
	}
	rt.serve = row.Op.bind(rt.input)
	handle := func(w http.ResponseWriter, _ *http.Request, ps httprouter.Params) {
		c := w.(*call)
		c.rt, c.params, c.Route = rt, ps, rt.pattern
		s.run(c)
	}
	s.router.Handle(row.Method, rt.pattern, handle)
	if row.Method == http.MethodGet {
		s.router.Handle(http.MethodHead, rt.pattern, handle)
	}
	s.routes = append(s.routes, rt)
	return nil
}

// ServeHTTP runs a request through the contract's order: request id → panic guard
// → https → authentication → rate → scope → body → use case (contract.md §6).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := calls.Get().(*call)
	c.s, c.form = s, formOf(r.Header)
	defer s.done(c)
	err := s.gate.Enter(&c.Request, w, r)
	h := w.Header()
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = noContent
	if err != nil {
		c.Refuse(err)
		return
	}
	if r.Method == http.MethodOptions {
		s.options(c)
		return
	}
	s.router.ServeHTTP(c, r)
}

// The headers that every reply carries; their slices are shared and never changed.
var (
	noStore   = []string{"no-store"}
	noContent = []string{"default-src 'none'; frame-ancestors 'none'"}
)

// done is the end of every request, also of one that panicked.
func (s *Server) done(c *call) {
	took := s.gate.Leave(&c.Request, recover(), c)
	st := &s.other
	if c.rt != nil {
		st = &c.rt.stat
	}
	st.add(c.Status, took)
	c.release()
}

// run takes a routed request through the gates before its body is read.
func (s *Server) run(c *call) {
	if !strings.HasPrefix(c.rt.pattern, Base) {
		c.rt.serve(c) // health probes: no credential, no https
		return
	}
	if err := s.gates(c); err != nil {
		c.Refuse(err)
		return
	}
	c.rt.serve(c)
}

func (s *Server) gates(c *call) error {
	if err := s.gate.RequireHTTPS(&c.Request); err != nil {
		return err
	}
	if c.rt.Public {
		c.caller.IP, c.caller.RequestID = c.IP, c.ID
		return nil
	}
	who, err := s.authenticate(c)
	if err != nil {
		return err
	}
	if err := s.rate(c, who); err != nil {
		return err
	}
	return s.allow(c, who)
}

// rate counts the request of a known caller and says so in the headers.
func (s *Server) rate(c *call, who access.Identity) error {
	if who.PerMinute == 0 {
		gate.Unlimited(c.Header(), s.o.Now())
		return nil
	}
	return s.rates.CountIn(c.Header(), c.caller.Name(), who.PerMinute, s.o.Now())
}

// allow checks the route's scope before the body is read; the use case checks it again.
func (s *Server) allow(c *call, who access.Identity) error {
	if who.Key != nil && who.Key.Family == secret.FamilyPublic && !c.rt.Browser {
		return s.refuseAt(c)
	}
	if c.rt.Open || c.caller.May(c.rt.Scope) || slices.ContainsFunc(c.rt.Also, c.caller.May) {
		return nil
	}
	return s.refuseAt(c)
}

// refuseAt refuses the call's route, and says whose record was asked for.
func (s *Server) refuseAt(c *call) error {
	id, patient := c.params.ByName("id"), int64(0)
	if strings.HasPrefix(c.rt.Path, "/patients/:id") {
		patient, _ = strconv.ParseInt(id, 10, 64)
		patient = max(patient, 0)
	}
	return s.e.Refuse(c.caller, c.rt.Scope, c.rt.Method+" "+c.rt.pattern, id, patient)
}

func (s *Server) notFound(w http.ResponseWriter, _ *http.Request) {
	c := w.(*call)
	if err := s.gate.RequireHTTPS(&c.Request); err != nil {
		c.Refuse(err)
		return
	}
	if path, ok := strings.CutPrefix(c.R.URL.Path, Base); ok && (path == "" || path[0] == '/') {
		if err := s.unknownPath(c, path); err != nil {
			c.Refuse(err)
			return
		}
	}
	c.Refuse(fault.Fail(fault.NotFound, "There is no such path; the API is described at %s/openapi.json", Base))
}

// unknownPath takes a request for an unknown path of the API through the gates: who
// may not ask does not learn what is there.
func (s *Server) unknownPath(c *call, path string) error {
	who, err := s.authenticate(c)
	if err != nil {
		return err
	}
	if err := s.rate(c, who); err != nil {
		return err
	}
	if scope, pattern := reservedFor(c.R.Method, path); !c.caller.May(scope) {
		return s.e.Refuse(c.caller, scope, gate.Method(c.R.Method)+" "+Base+pattern, "", 0)
	}
	return nil
}

// methodNotAllowed answers with the Allow header that the router has set.
func (s *Server) methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	c := w.(*call)
	allowed := strings.Split(c.Header().Get("Allow"), ", ")
	if !slices.Contains(allowed, http.MethodOptions) {
		allowed = append(allowed, http.MethodOptions)
	}
	slices.Sort(allowed)
	c.Refuse(&fault.Error{Kind: fault.MethodNotAllowed, Message: "This path does not support that method",
		Allowed: allowed})
}
