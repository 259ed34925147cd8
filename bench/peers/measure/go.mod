module writ/bench/measure

go 1.25
