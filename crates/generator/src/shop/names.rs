//! First and last names by language, and how they are spelt in an e-mail address.

/// The names that are common in a country.
#[derive(Debug, PartialEq)]
pub(super) struct Names {
    pub(super) first: &'static [&'static str],
    pub(super) last: &'static [&'static str],
}

pub(super) static ENGLISH: Names = Names {
    first: &[
        "Olivia",
        "Amelia",
        "Charlotte",
        "Emma",
        "Sophia",
        "Grace",
        "Harper",
        "Ella",
        "Chloe",
        "Lily",
        "Hannah",
        "Zoe",
        "Abigail",
        "Ruby",
        "Maya",
        "Nora",
        "Priya",
        "Aisha",
        "Mei",
        "Fatima",
        "Liam",
        "Noah",
        "Oliver",
        "James",
        "Henry",
        "Lucas",
        "Jack",
        "Theodore",
        "Ethan",
        "Samuel",
        "Daniel",
        "Leo",
        "Owen",
        "Mason",
        "Isaac",
        "Ryan",
        "Arjun",
        "Omar",
        "Wei",
        "Kofi",
    ],
    last: &[
        "Smith",
        "Johnson",
        "Williams",
        "Brown",
        "Jones",
        "Miller",
        "Davis",
        "Wilson",
        "Anderson",
        "Taylor",
        "Thomas",
        "Moore",
        "Martin",
        "Jackson",
        "Thompson",
        "White",
        "Clark",
        "Lewis",
        "Walker",
        "Hall",
        "Young",
        "King",
        "Wright",
        "Scott",
        "Green",
        "Baker",
        "Adams",
        "Nelson",
        "Carter",
        "Mitchell",
        "Campbell",
        "Roberts",
        "Evans",
        "Turner",
        "Murphy",
        "Cooper",
        "Patel",
        "Singh",
        "Nguyen",
        "Chen",
        "Khan",
        "Garcia",
        "Okafor",
        "Kim",
        "O'Brien",
        "MacDonald",
        "Hughes",
        "Fraser",
    ],
};

pub(super) static GERMAN: Names = Names {
    first: &[
        "Emma",
        "Mia",
        "Hannah",
        "Emilia",
        "Sophia",
        "Lina",
        "Marie",
        "Lea",
        "Clara",
        "Ida",
        "Greta",
        "Johanna",
        "Käthe",
        "Jürgen",
        "Noah",
        "Paul",
        "Ben",
        "Finn",
        "Elias",
        "Jonas",
        "Felix",
        "Maximilian",
        "Anton",
        "Moritz",
        "Björn",
        "Sören",
        "Emre",
        "Elif",
    ],
    last: &[
        "Müller",
        "Schmidt",
        "Schneider",
        "Fischer",
        "Weber",
        "Meyer",
        "Wagner",
        "Becker",
        "Schulz",
        "Hoffmann",
        "Schäfer",
        "Koch",
        "Bauer",
        "Richter",
        "Klein",
        "Wolf",
        "Schröder",
        "Neumann",
        "Schwarz",
        "Zimmermann",
        "Krüger",
        "Hartmann",
        "Lange",
        "Weiß",
        "Yılmaz",
        "Kaya",
    ],
};

pub(super) static FRENCH: Names = Names {
    first: &[
        "Louise",
        "Alice",
        "Chloé",
        "Emma",
        "Inès",
        "Léa",
        "Manon",
        "Camille",
        "Jade",
        "Zoé",
        "Élise",
        "Anaïs",
        "Gabriel",
        "Léo",
        "Raphaël",
        "Louis",
        "Arthur",
        "Jules",
        "Hugo",
        "Théo",
        "Étienne",
        "François",
        "Nathan",
        "Mehdi",
    ],
    last: &[
        "Martin",
        "Bernard",
        "Dubois",
        "Thomas",
        "Robert",
        "Petit",
        "Durand",
        "Leroy",
        "Moreau",
        "Simon",
        "Laurent",
        "Lefèvre",
        "Michel",
        "Garnier",
        "Roux",
        "Fournier",
        "Girard",
        "Bonnet",
        "Dupont",
        "Lambert",
        "François",
        "Mercier",
        "Chevalier",
        "Benali",
    ],
};

pub(super) static PORTUGUESE: Names = Names {
    first: &[
        "Maria", "Ana", "Júlia", "Beatriz", "Laura", "Helena", "Alice", "Camila", "Letícia", "Luísa", "Isabela",
        "Mariana", "Miguel", "Arthur", "Gael", "Heitor", "Davi", "Bernardo", "João", "José", "Pedro", "Lucas",
        "Rafael", "Thiago",
    ],
    last: &[
        "Silva",
        "Santos",
        "Oliveira",
        "Souza",
        "Rodrigues",
        "Ferreira",
        "Alves",
        "Pereira",
        "Lima",
        "Gomes",
        "Costa",
        "Ribeiro",
        "Martins",
        "Carvalho",
        "Almeida",
        "Lopes",
        "Araújo",
        "Fernandes",
        "Barbosa",
        "Rocha",
        "Conceição",
        "Guimarães",
        "Tanaka",
        "Nascimento",
    ],
};

pub(super) static SPANISH: Names = Names {
    first: &[
        "Lucía", "Sofía", "Martina", "María", "Paula", "Julia", "Valeria", "Carmen", "Alba", "Begoña", "Nuria",
        "Irene", "Hugo", "Mateo", "Martín", "Lucas", "Leo", "Daniel", "Álvaro", "Pablo", "Íñigo", "Javier", "Andrés",
        "Raúl",
    ],
    last: &[
        "García",
        "Rodríguez",
        "González",
        "Fernández",
        "López",
        "Martínez",
        "Sánchez",
        "Pérez",
        "Gómez",
        "Martín",
        "Jiménez",
        "Ruiz",
        "Hernández",
        "Díaz",
        "Moreno",
        "Muñoz",
        "Álvarez",
        "Romero",
        "Alonso",
        "Navarro",
        "Torres",
        "Domínguez",
        "Vázquez",
        "Ibáñez",
    ],
};

/// Appends `name` to `address` as people spell themselves in one: lower case, letters of ASCII only.
pub(super) fn spell(address: &mut Vec<u8>, name: &str) {
    for letter in name.chars() {
        match letter {
            'a'..='z' => address.push(letter as u8),
            'A'..='Z' => address.push(letter.to_ascii_lowercase() as u8),
            _ => address.extend_from_slice(plain(letter).as_bytes()),
        }
    }
}

/// How a letter with an accent is written without it; nothing for what is no letter.
fn plain(letter: char) -> &'static str {
    match letter {
        'Á' | 'á' | 'ã' | 'â' => "a",
        'ä' => "ae",
        'ç' => "c",
        'É' | 'é' | 'è' | 'ê' | 'ë' => "e",
        'Í' | 'í' | 'ï' | 'ı' => "i",
        'ñ' => "n",
        'ó' | 'õ' | 'ô' => "o",
        'ö' => "oe",
        'ú' => "u",
        'ü' => "ue",
        'ß' => "ss",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(name: &str) -> String {
        let mut address = Vec::new();
        spell(&mut address, name);
        String::from_utf8(address).expect("ASCII")
    }

    #[test]
    fn addresses_are_plain() {
        assert_eq!(spelt("Müller"), "mueller");
        assert_eq!(spelt("O'Brien"), "obrien");
        assert_eq!(spelt("Íñigo"), "inigo");
    }

    #[test]
    fn no_letter_of_any_name_is_lost() {
        for names in [&ENGLISH, &GERMAN, &FRENCH, &PORTUGUESE, &SPANISH] {
            for name in names.first.iter().chain(names.last) {
                let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
                assert!(spelt(name).len() >= letters, "{name} became {}", spelt(name));
            }
        }
    }
}
