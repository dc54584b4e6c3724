package domain

import (
	"strconv"
	"strings"
)

// Permission is the number of one bit of a Mask, 0 to 48.
type Permission uint8

// The named permissions. Their numbers are part of the contract: masks are stored and
// exchanged as numbers, so a bit is never renumbered. Bits without a name are kept as
// they come in and permit nothing.
const (
	ProfileRead    Permission = 0
	ProfileUpdate  Permission = 1
	PasswordChange Permission = 2

	ObjectManage     Permission = 3
	ObserverRead     Permission = 4
	ObserverWrite    Permission = 5
	SectorRead       Permission = 6
	SectorWrite      Permission = 7
	ApplicationRead  Permission = 8
	ApplicationWrite Permission = 9
	APIRead          Permission = 10
	APIWrite         Permission = 11
	TopicRead        Permission = 12
	TopicWrite       Permission = 13

	GroupMembers Permission = 14

	UserRead          Permission = 36
	UserCreate        Permission = 37
	UserUpdate        Permission = 38
	UserDelete        Permission = 39
	GroupRead         Permission = 40
	GroupWrite        Permission = 41
	EnvironmentRead   Permission = 42
	EnvironmentWrite  Permission = 43
	OrganizationRead  Permission = 44
	AuditRead         Permission = 45
	SessionManage     Permission = 46
	APIKeyManage      Permission = 47
	OrganizationWrite Permission = 48
)

// PermissionInfo describes one permission of the catalogue.
type PermissionInfo struct {
	Permission  Permission
	Object      string
	Action      string
	Description string
}

// Code returns "object:action".
func (i PermissionInfo) Code() string { return i.Object + ":" + i.Action }

// Catalogue lists the named permissions in the order of their bits.
var Catalogue = []PermissionInfo{
	{ProfileRead, "profile", "read", "See one's own account."},
	{ProfileUpdate, "profile", "update", "Change one's own name, phone, language and time zone."},
	{PasswordChange, "password", "change", "Change one's own password."},
	{ObjectManage, "object", "manage", "See, change and hand over objects, whoever owns them."},
	{ObserverRead, "observer", "read", "See observers that one owns or was given."},
	{ObserverWrite, "observer", "write", "Create observers, and change those one owns or was given."},
	{SectorRead, "sector", "read", "See sectors that one owns or was given."},
	{SectorWrite, "sector", "write", "Create sectors, and change those one owns or was given."},
	{ApplicationRead, "application", "read", "See applications, with their keys, that one owns or was given."},
	{ApplicationWrite, "application", "write", "Create applications and keys, and change those one owns or was given."},
	{APIRead, "api", "read", "See APIs."},
	{APIWrite, "api", "write", "Create APIs, and change those one owns or was given."},
	{TopicRead, "topic", "read", "See topics that one owns or was given."},
	{TopicWrite, "topic", "write", "Create topics, and change those one owns or was given."},
	{GroupMembers, "group", "members", "Put people into groups that one is an admin of, and take them out."},
	{UserRead, "user", "read", "See users."},
	{UserCreate, "user", "create", "Create users."},
	{UserUpdate, "user", "update", "Change users, their groups, roles and environments."},
	{UserDelete, "user", "delete", "Delete users."},
	{GroupRead, "group", "read", "See groups."},
	{GroupWrite, "group", "write", "Create, change and delete groups."},
	{EnvironmentRead, "environment", "read", "See environments."},
	{EnvironmentWrite, "environment", "write", "Create, change, move and delete environments."},
	{OrganizationRead, "organization", "read", "See organizations."},
	{AuditRead, "audit", "read", "Read the audit trail."},
	{SessionManage, "session", "manage", "See and end one's own sessions."},
	{APIKeyManage, "apikey", "manage", "See, make and revoke one's own API keys."},
	{OrganizationWrite, "organization", "write", "Create, move and delete organizations."},
}

// permissionInfos finds a permission's description by its bit; unnamed bits have none.
var permissionInfos = func() (infos [PermissionBits]*PermissionInfo) {
	for i := range Catalogue {
		infos[Catalogue[i].Permission] = &Catalogue[i]
	}
	return infos
}()

// Info returns the permission's entry in the catalogue. It reports false for a bit
// without a name.
func (p Permission) Info() (PermissionInfo, bool) {
	if int(p) >= PermissionBits || permissionInfos[p] == nil {
		return PermissionInfo{}, false
	}
	return *permissionInfos[p], true
}

// String returns the permission's code, or "bit N" where it has no name.
func (p Permission) String() string {
	if info, ok := p.Info(); ok {
		return info.Code()
	}
	return "bit " + strconv.Itoa(int(p))
}

// ParsePermission reads a permission's code, exactly as the catalogue writes it.
func ParsePermission(s string) (Permission, error) {
	for _, info := range Catalogue {
		if info.Code() == s {
			return info.Permission, nil
		}
	}
	return 0, InvalidField("permission", "Give a permission of the catalogue, such as user:read.")
}

const (
	// PermissionBits is how many permissions a mask has room for.
	PermissionBits = 49
	// AllPermissions is the mask with all 49 bits.
	AllPermissions Mask = 1<<PermissionBits - 1
)

// Mask is a set of permissions, 49 bits.
type Mask uint64

// Has reports whether p is in m.
func (m Mask) Has(p Permission) bool { return p < PermissionBits && m&(1<<p) != 0 }

// Within reports whether every permission of m is in n.
func (m Mask) Within(n Mask) bool { return m&^n == 0 }

// String returns m as a decimal number, the form in which masks travel.
func (m Mask) String() string { return strconv.FormatUint(uint64(m), 10) }

// ParseMask reads a decimal number from 0 to AllPermissions.
func ParseMask(s string) (Mask, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || Mask(n) > AllPermissions {
		return 0, InvalidField("permission", "Give a decimal number from 0 to %s.", AllPermissions)
	}
	return Mask(n), nil
}

// ParsePermissions returns the set of the permissions with these codes, each as ParsePermission reads
// it. The error names the first that is none, and field "permission".
func ParsePermissions(codes ...string) (Mask, error) {
	var m Mask
	for _, code := range codes {
		p, err := ParsePermission(code)
		if err != nil {
			return 0, InvalidField("permission", "%.40q is not a permission of the catalogue.", code)
		}
		m |= p.Mask()
	}
	return m, nil
}

// namedPermissions are the permissions of the catalogue.
var namedPermissions = func() (m Mask) {
	for i := range Catalogue {
		m |= Catalogue[i].Permission.Mask()
	}
	return m
}()

// Named returns the permissions of m that the catalogue has, and Unnamed the others: bits that are
// kept as they come, and mean nothing.
func (m Mask) Named() Mask   { return m & namedPermissions }
func (m Mask) Unnamed() Mask { return m &^ namedPermissions }

// Permissions returns the codes of the permissions of m that have one, in the order of their bits;
// empty and not nil for none.
func (m Mask) Permissions() []string {
	codes := []string{}
	for i := range Catalogue {
		if m.Has(Catalogue[i].Permission) {
			codes = append(codes, Catalogue[i].Code())
		}
	}
	return codes
}

// Bits returns the numbers of the bits of m as people write them, with stretches put together: "0-2, 7".
func (m Mask) Bits() string {
	var parts []string
	for bit := 0; bit < PermissionBits; bit++ {
		first := bit
		for m.Has(Permission(bit)) {
			bit++
		}
		switch bit - first {
		case 0:
		case 1:
			parts = append(parts, strconv.Itoa(first))
		default:
			parts = append(parts, strconv.Itoa(first)+"-"+strconv.Itoa(bit-1))
		}
	}
	return strings.Join(parts, ", ")
}

// Mask returns the set that has only p.
func (p Permission) Mask() Mask { return 1 << p }
