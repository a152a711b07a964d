module qualifybase

go 1.26.0

require pgregory.net/rapid v1.3.0

require github.com/standard-webhooks/standard-webhooks/libraries v0.0.1

require golang.org/x/text v0.43.0
