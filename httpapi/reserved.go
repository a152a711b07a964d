package httpapi

import (
	"net/http"
	"strings"

	"qualifybase/engine/scope"
)

// reserved are the documented resources that this server does not have yet. They
// answer like the others up to the right, 401 and 403, and then 404 in the
// envelope. The first match decides; * is any one part; longer paths match too.
// They are no routes, so the document does not list them (contract.md §3).
var reserved = []struct {
	path                string
	read, write, remove scope.Scope // remove is for DELETE; scope.None = as write
}{
	{"/campaigns/*/publish", scope.CampaignsPublish, scope.CampaignsPublish, scope.None},
	{"/campaigns/*/pause", scope.CampaignsPublish, scope.CampaignsPublish, scope.None},
	{"/campaigns/*/resume", scope.CampaignsPublish, scope.CampaignsPublish, scope.None},
	{"/campaigns/*/complete", scope.CampaignsPublish, scope.CampaignsPublish, scope.None},
	{"/campaigns/*/guide/preview", scope.CampaignsRead, scope.CampaignsRead, scope.None},
	{"/campaigns/*/invitations", scope.InterviewsRead, scope.InterviewsWrite, scope.None},
	{"/campaigns/*/suggestions", scope.FindingsWrite, scope.FindingsWrite, scope.None},
	{"/campaigns/*/phrases", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/keyness", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/cooccurrence", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/agreement", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/saturation", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/analysis-runs", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/*/export", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/campaigns/import", scope.FindingsWrite, scope.FindingsWrite, scope.None},
	{"/campaigns", scope.CampaignsRead, scope.CampaignsWrite, scope.CampaignsDelete},
	{"/public/campaigns", scope.CampaignsRead, scope.CampaignsRead, scope.None},
	{"/instruments", scope.CampaignsRead, scope.CampaignsRead, scope.None},
	{"/invitations", scope.InterviewsRead, scope.InterviewsWrite, scope.None},
	{"/interviews", scope.InterviewsRead, scope.InterviewsWrite, scope.None},
	{"/codes", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/codings", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/suggestions", scope.FindingsWrite, scope.FindingsWrite, scope.None},
	{"/findings", scope.FindingsRead, scope.FindingsWrite, scope.None},
	{"/graphs/*/shares", scope.GraphShare, scope.GraphShare, scope.None},
	{"/graphs", scope.GraphRead, scope.GraphRead, scope.None},
	{"/shares", scope.GraphShare, scope.GraphShare, scope.None},
	{"/teams", scope.TeamsRead, scope.TeamsWrite, scope.None},
}

// reservedFor is the right that a path below Base will need, and the row's path
// for the audit; scope.None for a path that nobody has promised.
func reservedFor(method, path string) (right scope.Scope, pattern string) {
	for _, r := range reserved {
		if !below(r.path, path) {
			continue
		}
		switch {
		case method == http.MethodGet || method == http.MethodHead:
			return r.read, r.path
		case method == http.MethodDelete && r.remove != scope.None:
			return r.remove, r.path
		}
		return r.write, r.path
	}
	return scope.None, ""
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
