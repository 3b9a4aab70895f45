module github.com/kassa-dev/kassa/test/contract

go 1.26.0

replace github.com/kassa-dev/kassa => ../..
