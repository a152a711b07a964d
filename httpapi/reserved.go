package httpapi

import (
	"net/http"
	"strings"

	"qualifybase/engine"
)

// reserved are the documented resources that this server does not have yet. They
// answer like the others up to the right, 401 and 403, and then 404 in the
// envelope. The first match decides; * is any one part; longer paths match too.
// They are no routes, so the document does not list them (contract.md §3).
var reserved = []struct {
	path                string
	read, write, remove engine.Scope // remove is for DELETE; NoScope = as write
}{
	{"/campaigns/*/publish", engine.CampaignsPublish, engine.CampaignsPublish, engine.NoScope},
	{"/campaigns/*/pause", engine.CampaignsPublish, engine.CampaignsPublish, engine.NoScope},
	{"/campaigns/*/resume", engine.CampaignsPublish, engine.CampaignsPublish, engine.NoScope},
	{"/campaigns/*/complete", engine.CampaignsPublish, engine.CampaignsPublish, engine.NoScope},
	{"/campaigns/*/guide/preview", engine.CampaignsRead, engine.CampaignsRead, engine.NoScope},
	{"/campaigns/*/invitations", engine.InterviewsRead, engine.InterviewsWrite, engine.NoScope},
	{"/campaigns/*/suggestions", engine.FindingsWrite, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/phrases", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/keyness", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/cooccurrence", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/agreement", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/saturation", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/analysis-runs", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/*/export", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/campaigns/import", engine.FindingsWrite, engine.FindingsWrite, engine.NoScope},
	{"/campaigns", engine.CampaignsRead, engine.CampaignsWrite, engine.CampaignsDelete},
	{"/public/campaigns", engine.CampaignsRead, engine.CampaignsRead, engine.NoScope},
	{"/instruments", engine.CampaignsRead, engine.CampaignsRead, engine.NoScope},
	{"/invitations", engine.InterviewsRead, engine.InterviewsWrite, engine.NoScope},
	{"/interviews", engine.InterviewsRead, engine.InterviewsWrite, engine.NoScope},
	{"/codes", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/codings", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/suggestions", engine.FindingsWrite, engine.FindingsWrite, engine.NoScope},
	{"/findings", engine.FindingsRead, engine.FindingsWrite, engine.NoScope},
	{"/graphs/*/shares", engine.GraphShare, engine.GraphShare, engine.NoScope},
	{"/graphs", engine.GraphRead, engine.GraphRead, engine.NoScope},
	{"/shares", engine.GraphShare, engine.GraphShare, engine.NoScope},
	{"/teams", engine.TeamsRead, engine.TeamsWrite, engine.NoScope},
}

// reservedFor is the right that a path below Base will need, and the row's path
// for the audit; NoScope for a path that nobody has promised.
func reservedFor(method, path string) (scope engine.Scope, pattern string) {
	for _, r := range reserved {
		if !below(r.path, path) {
			continue
		}
		switch {
		case method == http.MethodGet || method == http.MethodHead:
			return r.read, r.path
		case method == http.MethodDelete && r.remove != engine.NoScope:
			return r.remove, r.path
		}
		return r.write, r.path
	}
	return engine.NoScope, ""
}

// below reports whether path is the pattern or lies below it.
func below(pattern, path string) bool {
	for part := range strings.SplitSeq(pattern[1:], "/") {
		rest, ok := strings.CutPrefix(path, "/")
		if !ok {
			return false
		}
		var head string
		head, path, _ = cutBefore(rest, '/')
		if head == "" || part != "*" && part != head {
			return false
		}
	}
	return true
}

// cutBefore is strings.Cut, but the separator stays with what follows it.
func cutBefore(s string, sep byte) (head, rest string, found bool) {
	if i := strings.IndexByte(s, sep); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", false
}
