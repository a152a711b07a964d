package httpapi_test

import (
	"qualifybase/engine"
	"qualifybase/httpapi"
	"qualifybase/httpapi/record"
)

func init() {
	httpapi.Further = func(e *engine.Engine) []httpapi.Group {
		return []httpapi.Group{record.Rows(e)}
	}
}
