module qualifybase

go 1.26
