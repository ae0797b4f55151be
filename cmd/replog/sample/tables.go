package sample

import (
	"fmt"
	"time"
)

// How many rows each table gets, where its number is not drawn.
const (
	customerRows   = 260
	siteRows       = 430
	technicianRows = 24
	partRows       = 180
	visitRows      = 1150
	orderRows      = 540
	noteRows       = 520
)

func (g *generator) customers() {
	for id := 1; id <= customerRows; id++ {
		p := pick(g, places)
		name := pick(g, p.families) + pick(g, p.trades)
		var email, phone any
		if g.chance(85) {
			email = fmt.Sprintf("office%03d@%s.example", id, p.country)
		}
		if g.chance(70) {
			phone = fmt.Sprintf("+%d %03d %04d", p.dial, g.upTo(999), g.upTo(9999))
		}
		g.insert("customer", id, fmt.Sprintf("C-%04d", id), name, p.language, email, phone,
			g.money(500, 20000), date(g.day()), !g.chance(6))
	}
}

func (g *generator) sites() {
	for id := 1; id <= siteRows; id++ {
		customer := id
		if id > customerRows {
			customer = g.upTo(customerRows)
		}
		p := pick(g, places)
		var latitude, longitude any
		if g.chance(90) {
			latitude, longitude = p.latitude+g.rand.Float64()-0.5, p.longitude+g.rand.Float64()-0.5
		}
		g.insert("site", id, customer, pick(g, p.buildings), fmt.Sprintf("%s %d", pick(g, p.streets), g.upTo(180)),
			pick(g, p.cities), p.country, latitude, longitude)
	}
}

func (g *generator) technicians() {
	for id := 1; id <= technicianRows; id++ {
		p := places[id%len(places)]
		var until, photo any
		if g.chance(80) {
			until = date(today.AddDate(0, g.upTo(30), 0))
		}
		if g.chance(60) {
			photo = append([]byte("\x89PNG\r\n\x1a\n"), g.blob(200+g.rand.IntN(400))...)
		}
		g.insert("technician", id, fmt.Sprintf("T%03d", 100+id), pick(g, p.given)+p.space+pick(g, p.families),
			g.money(38, 95), until, photo)
	}
}

func (g *generator) parts() {
	g.prices = map[string]float64{}
	for n := 1; n <= partRows; n++ {
		kind := pick(g, partKinds)
		sku := fmt.Sprintf("%s-%03d", kind.prefix, n)
		price := g.money(1, kind.most)
		var weight, supersedes any
		if g.chance(75) {
			weight = g.rand.Float64() * 12
		}
		if n > 20 && g.chance(12) {
			supersedes = pick(g, g.skus)
		}
		g.insert("part", sku, fmt.Sprintf("%s %s", kind.name, pick(g, partSizes)), kind.unit, price, weight, supersedes)
		g.skus, g.prices[sku] = append(g.skus, sku), price
	}
}

func (g *generator) stock() {
	for _, sku := range g.skus {
		g.insert("stock", "depot", sku, g.rand.IntN(400), instant(g.counted()))
	}
	for van := 1; van <= 12; van++ {
		for _, sku := range g.skus {
			if g.chance(24) {
				g.insert("stock", fmt.Sprintf("van %02d", van), sku, g.rand.IntN(12), instant(g.counted()))
			}
		}
	}
}

func (g *generator) counted() time.Time {
	return today.Add(-time.Duration(g.rand.IntN(40*24*3600)) * time.Second)
}

// visits gives each technician slots of two hours, four a day, the latest of
// which are still to come.
func (g *generator) visits() {
	for id := 1; id <= visitRows; id++ {
		technician := (id-1)%technicianRows + 1
		slot := (id - 1) / technicianRows // 0 to 47 for each technician
		planned := today.AddDate(0, 0, slot/4-9).Add(time.Duration(8+slot%4*2) * time.Hour)
		status := "planned"
		var finished, signature any
		switch {
		case g.chance(5):
			status = "cancelled"
		case planned.Before(today):
			status, finished = "done", instant(planned.Add(time.Duration(30+g.rand.IntN(80))*time.Minute))
			if g.chance(50) {
				signature = g.blob(40 + g.rand.IntN(90))
			}
		}
		g.insert("visit", id, g.upTo(siteRows), technician, instant(planned), finished, status, signature)
	}
}

func (g *generator) orders() {
	for id := 1; id <= orderRows; id++ {
		var visit any
		if g.chance(80) {
			visit = g.upTo(visitRows)
		}
		g.insert("orders", id, g.upTo(customerRows), visit, date(g.day()), pick(g, []string{"EUR", "EUR", "CHF", "JPY", "INR"}), 0)
		for line := range g.upTo(4) {
			sku := pick(g, g.skus)
			g.insert("order_line(order_id, line, sku, quantity, unit_price)", id, line+1, sku, g.upTo(9), g.prices[sku])
		}
	}
}

func (g *generator) notes() {
	for range noteRows {
		written := today.Add(-time.Duration(g.rand.IntN(200*24*3600)) * time.Second)
		var author any
		if g.chance(90) {
			author = g.upTo(technicianRows)
		}
		g.insert("note", g.blob(16), g.upTo(visitRows), author, written.Unix(), pick(g, remarks)+pick(g, endings))
	}
}
