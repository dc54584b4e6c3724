package document

import "canopy/domain"

// What parse needs to know of records.
var environmentMembers = known[environmentJSON]{
	"path":          func(v *environmentJSON, p *parser) { v.Path = string(p.quoted()) },
	"number":        func(v *environmentJSON, p *parser) { v.Number = *p.number() },
	"id":            func(v *environmentJSON, p *parser) { v.ID = domain.UUID(p.quoted()) },
	"alias":         func(v *environmentJSON, p *parser) { v.Alias = p.string() },
	"organization":  func(v *environmentJSON, p *parser) { v.Organization = p.bool() },
	"code":          func(v *environmentJSON, p *parser) { v.Code = p.string() },
	"sendurl":       func(v *environmentJSON, p *parser) { v.SendURL = p.bool() },
	"active":        func(v *environmentJSON, p *parser) { v.Active = p.bool() },
	"timezone":      func(v *environmentJSON, p *parser) { v.TimeZone = p.string() },
	"gitRepository": func(v *environmentJSON, p *parser) { v.GitRepository = p.string() },
}

var groupMembers = known[groupJSON]{
	"alias":       func(v *groupJSON, p *parser) { v.Alias = p.string() },
	"number":      func(v *groupJSON, p *parser) { v.Number = *p.number() },
	"id":          func(v *groupJSON, p *parser) { v.ID = domain.UUID(p.quoted()) },
	"parent":      func(v *groupJSON, p *parser) { v.Parent = (*domain.GroupRef)(p.string()) },
	"permission":  func(v *groupJSON, p *parser) { v.Permission = p.string() },
	"role":        func(v *groupJSON, p *parser) { v.Role = p.string() },
	"roletitle":   func(v *groupJSON, p *parser) { v.RoleTitle = p.string() },
	"description": func(v *groupJSON, p *parser) { v.Description = p.string() },
	"created":     func(v *groupJSON, p *parser) { v.Created = p.number() },
}

var userMembers = known[userJSON]{
	"alias":         func(v *userJSON, p *parser) { v.Alias = p.string() },
	"number":        func(v *userJSON, p *parser) { v.Number = *p.number() },
	"person":        func(v *userJSON, p *parser) { v.Person = *p.number() },
	"id":            func(v *userJSON, p *parser) { v.ID = (*domain.UUID)(p.string()) },
	"environment":   func(v *userJSON, p *parser) { v.Environment = (*domain.EnvironmentRef)(p.string()) },
	"role":          func(v *userJSON, p *parser) { v.Role = p.string() },
	"group":         func(v *userJSON, p *parser) { v.Group = (*domain.GroupRef)(p.string()) },
	"groups":        func(v *userJSON, p *parser) { v.Groups = stringsOf[domain.GroupRef](p) },
	"envs":          func(v *userJSON, p *parser) { v.Envs = stringsOf[domain.EnvironmentRef](p) },
	"envsbloque":    func(v *userJSON, p *parser) { v.EnvsBloque = stringsOf[domain.EnvironmentRef](p) },
	"state":         func(v *userJSON, p *parser) { v.State = p.string() },
	"active":        func(v *userJSON, p *parser) { v.Active = p.bool() },
	"firstname":     func(v *userJSON, p *parser) { v.FirstName = p.string() },
	"lastname":      func(v *userJSON, p *parser) { v.LastName = p.string() },
	"mailaddress":   func(v *userJSON, p *parser) { v.Mail = p.string() },
	"phone":         func(v *userJSON, p *parser) { v.Phone = p.string() },
	"jobtitle":      func(v *userJSON, p *parser) { v.JobTitle = p.string() },
	"service":       func(v *userJSON, p *parser) { v.Department = p.string() },
	"language":      func(v *userJSON, p *parser) { v.Language = p.string() },
	"timezone":      func(v *userJSON, p *parser) { v.TimeZone = p.string() },
	"defaultpage":   func(v *userJSON, p *parser) { v.DefaultPage = p.number() },
	"firstaccess":   func(v *userJSON, p *parser) { v.FirstAccess = p.bool() },
	"passworddelay": func(v *userJSON, p *parser) { v.PasswordDelay = p.int() },
	"revokedelay":   func(v *userJSON, p *parser) { v.RevokeDelay = p.int() },
	"created":       func(v *userJSON, p *parser) { v.Created = p.number() },
	"lastpassword":  func(v *userJSON, p *parser) { v.LastPassword = p.number() },
	"lastconnected": func(v *userJSON, p *parser) { v.LastConnected = p.number() },
	"logged":        func(v *userJSON, p *parser) { v.LastSeen = p.number() },
	"idlesince":     func(v *userJSON, p *parser) { v.IdleSince = p.number() },
	"attributes":    func(v *userJSON, p *parser) { p.no = p.no || v.Attributes != nil; v.Attributes = p.attributes() },
	"passwordhash":  func(v *userJSON, p *parser) { v.PasswordHash = (*domain.PasswordHash)(p.string()) },
}
