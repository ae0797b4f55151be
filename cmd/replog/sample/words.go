package sample

// place is a region with the words its customers and technicians are made of.
type place struct {
	language, country   string
	dial                int
	latitude, longitude float64
	// space stands between a given and a family name.
	space                                               string
	given, families, trades, buildings, streets, cities []string
}

// Two of these are decomposed on purpose ("é" as e and U+0301), as some
// systems write them: they must come out byte for byte as they went in.
var places = []place{
	{"de", "de", 49, 52.5, 13.4, " ",
		[]string{"Jörg", "Käthe", "Mareike"}, []string{"Groß", "Müller-Lüdenscheid", "Özdemir"},
		[]string{" Kälte GmbH", " & Söhne", " Bäckerei"}, []string{"Werk 2", "Kühlhaus", "Büro"},
		[]string{"Straße der Brücken", "Mühlweg"}, []string{"Berlin", "Köln", "Görlitz"}},
	{"fr", "fr", 33, 47.2, -1.5, " ",
		[]string{"Zoé", "Franc\u0327ois", "Maëlle"}, []string{"Lefèvre", "d’Œuvre", "Garçon"},
		[]string{" Fromagerie", " et Fils", " Hôtel"}, []string{"Entrepôt", "Siège", "Cave"},
		[]string{"rue de l’Église", "quai de la Fosse"}, []string{"Nantes", "Besançon", "Alençon"}},
	{"el", "gr", 30, 38.0, 23.7, " ",
		[]string{"Ελένη", "Γιώργος", "Άννα"}, []string{"Παπαδόπουλος", "Οικονόμου", "Νικολαΐδη"},
		[]string{" Ψυγεία", " ΑΕ", " Ξενοδοχείο"}, []string{"Αποθήκη", "Κτίριο Β΄", "Γραφείο"},
		[]string{"Οδός Ερμού", "Λεωφόρος Κηφισίας"}, []string{"Αθήνα", "Θεσσαλονίκη", "Χανιά"}},
	{"uk", "ua", 380, 49.8, 24.0, " ",
		[]string{"Оксана", "Ігор", "Соломія"}, []string{"Шевчук", "Ґудзь", "Їжакевич"},
		[]string{" Пекарня", " та сини", " Холод"}, []string{"Склад № 3", "Цех", "Контора"},
		[]string{"вулиця Зелена", "площа Ринок"}, []string{"Львів", "Київ", "Чернівці"}},
	{"ru", "kz", 7, 43.2, 76.9, " ",
		[]string{"Аружан", "Ерлан", "Алёна"}, []string{"Нұрғалиев", "Ахметова", "Соловьёв"},
		[]string{" ТОО", " Хлебозавод", " и партнёры"}, []string{"Корпус А", "Насосная", "Офис"},
		[]string{"улица Абая", "проспект Достык"}, []string{"Алматы", "Астана", "Шымкент"}},
	{"ar", "eg", 20, 30.0, 31.2, " ",
		[]string{"أمينة", "خالد", "ياسمين"}, []string{"المصري", "عبد الرحمٰن", "الشريف"},
		[]string{" للتبريد", " وأولاده", " فندق النيل"}, []string{"المخزن", "المبنى ٢", "المكتب"},
		[]string{"شارع التحرير", "طريق الكورنيش"}, []string{"القاهرة", "الإسكندرية", "أسوان"}},
	{"he", "il", 972, 32.1, 34.8, " ",
		[]string{"נועה", "אבי", "שִׁירָה"}, []string{"כהן", "בן־דוד", "מזרחי"},
		[]string{" קירור בע״מ", " ובניו", " מאפייה"}, []string{"מחסן", "אגף ב׳", "משרד"},
		[]string{"רחוב הרצל", "שדרות רוטשילד"}, []string{"תל אביב", "חיפה", "באר שבע"}},
	{"hi", "in", 91, 28.6, 77.2, " ",
		[]string{"अनीता", "विक्रम", "श्रेया"}, []string{"शर्मा", "द्विवेदी", "कृष्णमूर्ति"},
		[]string{" शीत भंडार", " एंड संस", " होटल"}, []string{"गोदाम", "भवन २", "कार्यालय"},
		[]string{"महात्मा गांधी मार्ग", "स्टेशन रोड"}, []string{"दिल्ली", "लखनऊ", "वाराणसी"}},
	{"ta", "in", 91, 13.1, 80.3, " ",
		[]string{"கவிதா", "முருகன்"}, []string{"சுப்பிரமணியம்", "லட்சுமி"},
		[]string{" குளிர்பதனம்", " உணவகம்"}, []string{"கிடங்கு", "அலுவலகம்"},
		[]string{"அண்ணா சாலை"}, []string{"சென்னை", "மதுரை"}},
	{"th", "th", 66, 13.8, 100.5, " ",
		[]string{"สมชาย", "ณัฐธิดา"}, []string{"ศรีสุวรรณ", "แซ่ตั้ง"},
		[]string{" ห้องเย็น", " โรงแรม"}, []string{"คลังสินค้า", "อาคาร ๒"},
		[]string{"ถนนสุขุมวิท"}, []string{"กรุงเทพฯ", "เชียงใหม่"}},
	{"zh", "tw", 886, 25.0, 121.5, "",
		[]string{"志明", "春嬌", "雅婷"}, []string{"陳", "歐陽", "𠮷田"},
		[]string{"冷凍食品行", "飯店", "麵包店"}, []string{"倉庫", "二號樓", "辦公室"},
		[]string{"忠孝東路", "中山北路"}, []string{"臺北", "高雄", "花蓮"}},
	{"ja", "jp", 81, 35.7, 139.7, "　",
		[]string{"さくら", "健太", "ミチル"}, []string{"渡邉", "髙橋", "小鳥遊"},
		[]string{"冷機株式会社", "ベーカリー", "旅館"}, []string{"第２倉庫", "本社", "ｺﾝﾌﾟﾚｯｻｰ室"},
		[]string{"青葉通り", "銀座"}, []string{"東京", "札幌", "那覇"}},
	{"ko", "kr", 82, 37.6, 127.0, "",
		[]string{"서연", "민준", "하늘"}, []string{"김", "제갈", "이"},
		[]string{"냉동", "호텔", "제과"}, []string{"창고", "별관", "사무실"},
		[]string{"세종대로", "한강로"}, []string{"서울", "부산", "\u110c\u1166\u110c\u116e"}},
	{"am", "et", 251, 9.0, 38.7, " ",
		[]string{"ሰላም", "አበበ"}, []string{"ተስፋዬ", "በቀለ"},
		[]string{" ሆቴል", " ዳቦ ቤት"}, []string{"መጋዘን", "ቢሮ"},
		[]string{"ቦሌ መንገድ"}, []string{"አዲስ አበባ", "ጎንደር"}},
	{"vi", "vn", 84, 21.0, 105.8, " ",
		[]string{"Nguyệt", "Đức"}, []string{"Nguyễn", "Trần Đặng"},
		[]string{" Khách sạn", " Điện lạnh"}, []string{"Kho số 3", "Văn phòng"},
		[]string{"phố Hàng Bạc"}, []string{"Hà Nội", "Đà Nẵng"}},
}

type partKind struct {
	prefix, name, unit string
	most               int // dearest, in whole euros
}

var partKinds = []partKind{
	{"VLV", "valve", "piece", 90},
	{"PMP", "circulation pump", "piece", 640},
	{"FLT", "filter cartridge", "piece", 45},
	{"HSE", "hose, braided", "metre", 12},
	{"GAS", "refrigerant R-290", "kilogram", 75},
	{"SNS", "sensor, 10 kΩ", "piece", 30},
	{"FAN", "axial fan Ø 250", "piece", 260},
	{"GSK", "gasket", "set", 18},
}

var partSizes = []string{"½″", "¾″", "1″", "DN 15", "DN 25", "−40 … +90 °C", "24 V ⎓", "230 V ~", "type Б", "№ 7"}

var remarks = []string{
	"Compressor short-cycles; replaced the start capacitor.",
	"Filter gewechselt, Druck 1,8 bar. Nächste Wartung im Frühjahr.",
	"Fuite au raccord coupe\u0301e, joint remplacé — à surveiller.",
	"Αντικαταστάθηκε ο αισθητήρας θερμοκρασίας.",
	"Замінено насос, тиск у нормі.",
	"تم تنظيف المكثف وإعادة تعبئة الغاز.",
	"הוחלף מסנן; הלקוח ביקש תיאום מראש.",
	"कंप्रेसर बदला गया, तापमान सामान्य है।",
	"வடிகட்டி மாற்றப்பட்டது.",
	"เปลี่ยนพัดลมแล้ว ทำงานปกติ",
	"已更換閥門，客戶不在現場。",
	"フィルターを交換しました。次回は春。",
	"필터 교체 완료, 누수 없음.",
	"ማጣሪያው ተቀይሯል።",
	"Đã thay gioăng, máy chạy êm.",
	"Mixed: pump №3 — “ok”, насос — 要確認, מסנן חדש.",
	"Key box code is ½ of 4–8\tturn left\r\nthen ring twice",
	"z\u0335\u0321a\u0336\u0322l\u0337\u0323g\u0334o hum from the duct",
}

var endings = []string{"", "", "", " ✅", " 🥶", " 👩🏽‍🔧", " 👨‍👩‍👧 at home", " 🇪🇹", " ‼️", "\n", " \u200f(\u200e!)"}
