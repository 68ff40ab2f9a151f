//! Where the shop's customers live: real cities with their states and countries.
//!
//! A customer's country is drawn by the shop's market share there, the city within it by its population.

use super::names::{self, Names};
use super::random::Stream;

/// A city and roughly how many thousand people live in it.
#[derive(Debug, PartialEq)]
pub(super) struct City {
    name: &'static str,
    state: &'static str,
    thousands: u64,
}

/// A country the shop delivers to.
#[derive(Debug, PartialEq)]
pub(super) struct Country {
    name: &'static str,
    /// Its part of the shop's customers, in percent.
    share: u64,
    names: &'static Names,
    cities: &'static [City],
    /// The sum over the cities, so that a draw need not add them up.
    thousands: u64,
}

/// A city in its state and country.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    city: &'static City,
    country: &'static Country,
}

impl Place {
    /// Draws a place from `stream`.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        let country = weighted(&COUNTRIES, stream.below(100), |country| country.share);
        let city = weighted(country.cities, stream.below(country.thousands), |city| city.thousands);
        Self { city, country }
    }

    /// The city's name.
    pub const fn city(self) -> &'static str {
        self.city.name
    }

    /// The state, province or region the city lies in.
    pub const fn state(self) -> &'static str {
        self.city.state
    }

    /// The country's name in English.
    pub const fn country(self) -> &'static str {
        self.country.name
    }

    /// The first and last names that are common there.
    pub(super) const fn names(self) -> &'static Names {
        self.country.names
    }
}

/// The choice that holds the `drawn`-th unit of weight.
fn weighted<T>(choices: &[T], drawn: u64, weight: impl Fn(&T) -> u64) -> &T {
    let mut rest = drawn;
    for choice in choices {
        match rest.checked_sub(weight(choice)) {
            Some(left) => rest = left,
            None => return choice,
        }
    }
    unreachable!("a draw of {drawn} is beyond the sum of the weights")
}

const fn city(name: &'static str, state: &'static str, thousands: u64) -> City {
    City { name, state, thousands }
}

const fn country(name: &'static str, share: u64, names: &'static Names, cities: &'static [City]) -> Country {
    let mut thousands = 0;
    let mut index = 0;
    while index < cities.len() {
        thousands += cities[index].thousands;
        index += 1;
    }
    Country { name, share, names, cities, thousands }
}

static COUNTRIES: [Country; 8] = [
    country("United States", 41, &names::ENGLISH, &UNITED_STATES),
    country("United Kingdom", 14, &names::ENGLISH, &UNITED_KINGDOM),
    country("Germany", 12, &names::GERMAN, &GERMANY),
    country("Canada", 9, &names::ENGLISH, &CANADA),
    country("France", 8, &names::FRENCH, &FRANCE),
    country("Brazil", 6, &names::PORTUGUESE, &BRAZIL),
    country("Australia", 5, &names::ENGLISH, &AUSTRALIA),
    country("Spain", 5, &names::SPANISH, &SPAIN),
];

static UNITED_STATES: [City; 52] = [
    city("New York", "New York", 8_336),
    city("Buffalo", "New York", 278),
    city("Los Angeles", "California", 3_822),
    city("San Diego", "California", 1_381),
    city("San Jose", "California", 971),
    city("San Francisco", "California", 808),
    city("Sacramento", "California", 528),
    city("Fresno", "California", 545),
    city("Chicago", "Illinois", 2_665),
    city("Aurora", "Illinois", 177),
    city("Houston", "Texas", 2_303),
    city("San Antonio", "Texas", 1_473),
    city("Dallas", "Texas", 1_300),
    city("Austin", "Texas", 975),
    city("Fort Worth", "Texas", 957),
    city("El Paso", "Texas", 678),
    city("Phoenix", "Arizona", 1_644),
    city("Tucson", "Arizona", 546),
    city("Philadelphia", "Pennsylvania", 1_567),
    city("Pittsburgh", "Pennsylvania", 303),
    city("Jacksonville", "Florida", 972),
    city("Miami", "Florida", 449),
    city("Tampa", "Florida", 398),
    city("Orlando", "Florida", 316),
    city("Columbus", "Ohio", 908),
    city("Cleveland", "Ohio", 361),
    city("Charlotte", "North Carolina", 897),
    city("Raleigh", "North Carolina", 476),
    city("Indianapolis", "Indiana", 880),
    city("Seattle", "Washington", 749),
    city("Spokane", "Washington", 230),
    city("Denver", "Colorado", 713),
    city("Colorado Springs", "Colorado", 486),
    city("Boston", "Massachusetts", 651),
    city("Worcester", "Massachusetts", 205),
    city("Nashville", "Tennessee", 683),
    city("Memphis", "Tennessee", 621),
    city("Portland", "Oregon", 635),
    city("Las Vegas", "Nevada", 656),
    city("Detroit", "Michigan", 620),
    city("Grand Rapids", "Michigan", 197),
    city("Milwaukee", "Wisconsin", 563),
    city("Madison", "Wisconsin", 272),
    city("Atlanta", "Georgia", 499),
    city("Savannah", "Georgia", 148),
    city("Minneapolis", "Minnesota", 425),
    city("Saint Paul", "Minnesota", 303),
    city("Kansas City", "Missouri", 509),
    city("Albuquerque", "New Mexico", 561),
    city("New Orleans", "Louisiana", 369),
    city("Salt Lake City", "Utah", 204),
    city("Honolulu", "Hawaii", 343),
];

static UNITED_KINGDOM: [City; 15] = [
    city("London", "England", 8_866),
    city("Birmingham", "England", 1_157),
    city("Leeds", "England", 822),
    city("Sheffield", "England", 566),
    city("Manchester", "England", 568),
    city("Liverpool", "England", 496),
    city("Bristol", "England", 479),
    city("Newcastle upon Tyne", "England", 307),
    city("Nottingham", "England", 328),
    city("Glasgow", "Scotland", 622),
    city("Edinburgh", "Scotland", 514),
    city("Aberdeen", "Scotland", 197),
    city("Cardiff", "Wales", 372),
    city("Swansea", "Wales", 241),
    city("Belfast", "Northern Ireland", 347),
];

static GERMANY: [City; 18] = [
    city("Berlin", "Berlin", 3_755),
    city("Hamburg", "Hamburg", 1_892),
    city("München", "Bayern", 1_512),
    city("Nürnberg", "Bayern", 523),
    city("Augsburg", "Bayern", 301),
    city("Köln", "Nordrhein-Westfalen", 1_084),
    city("Düsseldorf", "Nordrhein-Westfalen", 629),
    city("Dortmund", "Nordrhein-Westfalen", 593),
    city("Essen", "Nordrhein-Westfalen", 584),
    city("Frankfurt am Main", "Hessen", 773),
    city("Wiesbaden", "Hessen", 283),
    city("Stuttgart", "Baden-Württemberg", 632),
    city("Karlsruhe", "Baden-Württemberg", 306),
    city("Leipzig", "Sachsen", 616),
    city("Dresden", "Sachsen", 563),
    city("Bremen", "Bremen", 569),
    city("Hannover", "Niedersachsen", 545),
    city("Kiel", "Schleswig-Holstein", 247),
];

static CANADA: [City; 15] = [
    city("Toronto", "Ontario", 2_794),
    city("Ottawa", "Ontario", 1_017),
    city("Mississauga", "Ontario", 717),
    city("Hamilton", "Ontario", 569),
    city("Montréal", "Québec", 1_762),
    city("Québec", "Québec", 549),
    city("Laval", "Québec", 438),
    city("Calgary", "Alberta", 1_306),
    city("Edmonton", "Alberta", 1_010),
    city("Vancouver", "British Columbia", 662),
    city("Surrey", "British Columbia", 568),
    city("Victoria", "British Columbia", 91),
    city("Winnipeg", "Manitoba", 749),
    city("Halifax", "Nova Scotia", 439),
    city("Saskatoon", "Saskatchewan", 266),
];

static FRANCE: [City; 15] = [
    city("Paris", "Île-de-France", 2_113),
    city("Boulogne-Billancourt", "Île-de-France", 119),
    city("Marseille", "Provence-Alpes-Côte d'Azur", 873),
    city("Nice", "Provence-Alpes-Côte d'Azur", 348),
    city("Lyon", "Auvergne-Rhône-Alpes", 522),
    city("Grenoble", "Auvergne-Rhône-Alpes", 157),
    city("Toulouse", "Occitanie", 504),
    city("Montpellier", "Occitanie", 302),
    city("Nantes", "Pays de la Loire", 323),
    city("Strasbourg", "Grand Est", 291),
    city("Reims", "Grand Est", 179),
    city("Bordeaux", "Nouvelle-Aquitaine", 261),
    city("Lille", "Hauts-de-France", 236),
    city("Rennes", "Bretagne", 225),
    city("Dijon", "Bourgogne-Franche-Comté", 159),
];

static BRAZIL: [City; 15] = [
    city("São Paulo", "São Paulo", 11_452),
    city("Campinas", "São Paulo", 1_139),
    city("Rio de Janeiro", "Rio de Janeiro", 6_211),
    city("Niterói", "Rio de Janeiro", 482),
    city("Brasília", "Distrito Federal", 2_817),
    city("Fortaleza", "Ceará", 2_429),
    city("Salvador", "Bahia", 2_418),
    city("Belo Horizonte", "Minas Gerais", 2_316),
    city("Uberlândia", "Minas Gerais", 713),
    city("Manaus", "Amazonas", 2_064),
    city("Curitiba", "Paraná", 1_774),
    city("Recife", "Pernambuco", 1_489),
    city("Goiânia", "Goiás", 1_437),
    city("Porto Alegre", "Rio Grande do Sul", 1_333),
    city("Florianópolis", "Santa Catarina", 537),
];

static AUSTRALIA: [City; 12] = [
    city("Sydney", "New South Wales", 5_450),
    city("Newcastle", "New South Wales", 526),
    city("Wollongong", "New South Wales", 313),
    city("Melbourne", "Victoria", 5_207),
    city("Geelong", "Victoria", 302),
    city("Brisbane", "Queensland", 2_707),
    city("Gold Coast", "Queensland", 735),
    city("Cairns", "Queensland", 172),
    city("Perth", "Western Australia", 2_309),
    city("Adelaide", "South Australia", 1_446),
    city("Canberra", "Australian Capital Territory", 473),
    city("Hobart", "Tasmania", 254),
];

static SPAIN: [City; 14] = [
    city("Madrid", "Comunidad de Madrid", 3_332),
    city("Barcelona", "Cataluña", 1_660),
    city("Tarragona", "Cataluña", 138),
    city("Valencia", "Comunidad Valenciana", 807),
    city("Alicante", "Comunidad Valenciana", 349),
    city("Sevilla", "Andalucía", 684),
    city("Málaga", "Andalucía", 586),
    city("Granada", "Andalucía", 230),
    city("Zaragoza", "Aragón", 682),
    city("Murcia", "Región de Murcia", 469),
    city("Palma", "Illes Balears", 430),
    city("Bilbao", "País Vasco", 346),
    city("Valladolid", "Castilla y León", 297),
    city("A Coruña", "Galicia", 247),
];

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::shop::random::Domain;

    fn drawn(count: usize) -> HashMap<(&'static str, &'static str), usize> {
        let mut stream = Stream::new(1, Domain::Customer, 0);
        let mut places = HashMap::new();
        for _ in 0..count {
            let place = Place::draw(&mut stream);
            *places.entry((place.country(), place.city())).or_default() += 1;
        }
        places
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(COUNTRIES.iter().map(|country| country.share).sum::<u64>(), 100);
    }

    #[test]
    fn no_city_is_listed_twice() {
        for country in &COUNTRIES {
            let names: HashSet<_> = country.cities.iter().map(|city| city.name).collect();
            assert_eq!(names.len(), country.cities.len(), "{}", country.name);
        }
    }

    #[test]
    fn every_city_has_customers() {
        let cities: usize = COUNTRIES.iter().map(|country| country.cities.len()).sum();
        assert_eq!(drawn(200_000).len(), cities);
    }

    #[test]
    fn customers_follow_shares_and_populations() {
        let places = drawn(100_000);
        let germans: usize =
            places.iter().filter(|((country, _), _)| *country == "Germany").map(|(_, count)| count).sum();
        assert!((11_500..12_500).contains(&germans), "{germans}");
        assert!(places[&("Germany", "Berlin")] > 10 * places[&("Germany", "Kiel")]);
    }
}
