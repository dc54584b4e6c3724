package skewed

var (
	companies = []string{"Acme", "Globex", "Initech", "Umbrella", "Stark", "Wayne", "Soylent", "Tyrell",
		"Cyberdyne", "Hooli", "Vehement", "Massive", "Wonka", "Gringotts", "Oceanic", "Aperture", "Virtucon", "Zorg"}
	units = []string{"Production", "Staging", "Development", "Sales", "North", "South", "East", "West", "Plant",
		"Office", "Laboratory", "Warehouse", "Support", "Branch", "Store", "Team"}
	firstNames = []string{"Anna", "Ben", "Clara", "David", "Élodie", "Felix", "Greta", "Hugo", "Ines", "Jonas",
		"Karin", "Léa", "Marco", "Nadia", "Omar", "Paula", "Quentin", "Rosa", "Samuel", "Tara", "Ueli", "Vera",
		"Walter", "Xenia", "Yusuf", "Zoé", "Andreas", "Beatrice", "Chiara", "Dario", "Emma", "François", "Giulia",
		"Hannah", "Ivan", "Jasmin", "Kevin", "Laura", "Matteo", "Nora", "Oliver", "Priya", "Rahul", "Sofia", "Thomas",
		"Ursula", "Viktor", "Wei", "Yan", "Zara"}
	lastParts = []string{"Müller", "Meier", "Keller", "Weber", "Huber", "Schmid", "Rossi", "Bianchi", "Favre",
		"Dubois", "Martin", "Bernard", "Garcia", "Lopez", "Silva", "Santos", "Novak", "Kowalski", "Ivanov", "Petrov",
		"Yilmaz", "Khan", "Singh", "Patel", "Chen", "Wang", "Tanaka", "Sato", "Nguyen", "Tran", "Smith", "Jones",
		"Taylor", "Brown", "Wilson", "Evans", "Walker", "Wright", "Hughes", "Green"}
	lastTails = []string{"", "", "", "-Roth", "-Frei", "-Baum", "-Lang", "-Bauer", "-Stein", "-Vogt", "-Graf",
		"-Kunz"}
	jobs = []string{"Engineer", "Analyst", "Clerk", "Manager", "Technician", "Architect", "Consultant",
		"Nurse", "Driver", "Designer", "Operator", "Accountant", "Buyer", "Trainer", "Director"}
	departments = []string{"Platform", "Operations", "Finance", "Sales", "Human resources", "Logistics",
		"Research", "Marketing", "Legal", "Support", "Production", "Quality"}
	languages = []string{"En", "Fr", "De", "It", "Es"}
	zones     = []string{"Europe/Zurich", "Europe/Paris", "Europe/London", "America/New_York", "Asia/Tokyo",
		"Asia/Kolkata"}
)
