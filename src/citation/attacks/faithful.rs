//! Sentences that say what the passages say in another form.

use super::corpus::{ENGLISH, Entry, KOREAN};

/// Share of the sentences below that has to be shown.
pub(super) const SHARE_MIN: f32 = 0.9;

const REPHRASED_ENGLISH: &[(usize, &[&str])] = &[
    (
        0,
        &[
            "Harrow Tower is 236 m tall.",
            "Harrow Tower was opened to the public in 1971.",
            "The tower was designed by Mina Calder.",
            "In 2019, about 1,200,000 people visited the tower.",
            "The tower is not open on Mondays.",
            "Harrow Tower is 236 metres tall, and it was opened to the public in 1971.",
            "It isn't open on Mondays.",
        ],
    ),
    (
        1,
        &[
            "The River Tolva is 312 kilometres long.",
            "The River Tolva flows into Lake Ensing.",
            "The Tolva is longer than the Breck.",
            "Water levels rose by 14% after the flood of May 3, 2016.",
            "After the flood of 3 May 2016, water levels rose by 14 percent.",
            "Some fishermen on the river use nets.",
        ],
    ),
    (
        2,
        &[
            "Norwell Bank earned 4.5 million dollars in 2022.",
            "Norwell Bank lost $1.2 million in 2023.",
            "The bank has 38 branches in Portugal.",
            "Its chairman resigned in March 2023.",
            "In 2022, Norwell Bank earned $4.5 million.",
        ],
    ),
    (
        3,
        &[
            "The kvstore server listens on port 7070.",
            "The server writes its log to kvstore.log.",
            "If the disk is full, the server refuses new writes.",
            "Only administrators can delete a bucket.",
            "The option cache-size must not exceed 512 MB.",
        ],
    ),
    (
        4,
        &[
            "Ada Renn was born on August 14, 1902.",
            "Ada Renn was born in Trieste on 14 August 1902.",
            "She discovered the comet Renn-Haas in 1931.",
            "Renn never received the Keller Medal.",
            "Ada Renn was born on 14 August 1902.",
        ],
    ),
    (
        5,
        &[
            "The northern army defeated the southern army at Corwen.",
            "Varga retreated to Dunmore.",
            "The peace treaty was signed in Lisbon.",
            "Marsh lost 900 soldiers.",
            "The peace treaty was signed in Lisbon on June 2, 1874.",
        ],
    ),
    (
        6,
        &[
            "Solanin reduced blood pressure more than Bexol.",
            "The usual dose is 20 mg per day.",
            "64 of 120 patients received Solanin for 12 weeks.",
            "No patient under 18 years was admitted.",
        ],
    ),
    (
        7,
        &[
            "Vessa Island has 3,100 inhabitants.",
            "Vessa Island has an area of 48 square kilometres.",
            "All ferries to the island leave from Karsund.",
            "The island lies north of Karsund.",
            "The airport was built in 1988.",
        ],
    ),
];

const REPHRASED_KOREAN: &[(usize, &[&str])] = &[
    (
        0,
        &[
            "해람타워의 높이는 236미터입니다.",
            "해람타워의 높이는 236m이다.",
            "2019년에 약 120만 명이 탑을 방문하였습니다.",
            "월요일에는 문을 열지 않습니다.",
            "이 탑은 김도윤이 설계했습니다.",
            "2019년에는 약 1,200,000명이 탑을 방문했다.",
        ],
    ),
    (
        1,
        &[
            "솔강은 버들천보다 깁니다.",
            "솔강의 길이는 312km입니다.",
            "2016년 5월 3일 홍수 이후 수위가 14% 증가했습니다.",
            "일부 어부는 그물을 사용합니다.",
        ],
    ),
    (
        2,
        &[
            "나루은행은 2022년에 45억 원의 이익을 냈습니다.",
            "나루은행은 서울에 38개 지점을 두고 있다.",
            "이서준 회장은 2023년 3월에 사임하였습니다.",
            "합병 전에 모든 지점에서 비용이 증가하였다.",
        ],
    ),
    (
        3,
        &[
            "kvstore 서버는 7070번 포트를 사용합니다.",
            "관리자만 버킷을 삭제할 수 있습니다.",
            "디스크가 가득 차면 서버는 새 쓰기를 거부합니다.",
        ],
    ),
    (
        4,
        &[
            "박해온은 1902년 8월 14일 전주에서 태어났습니다.",
            "박해온은 새벽상을 받지 못했습니다.",
            "박해온은 1931년에 최은설과 함께 혜성을 발견했다.",
            "박해온은 전주에서 태어났다.",
        ],
    ),
    (
        5,
        &[
            "북군은 가람에서 남군을 이겼습니다.",
            "평화 조약은 1874년 6월 2일 인천에서 체결됐다.",
            "평화 조약은 인천에서 체결되었습니다.",
            "북군은 병사 900명을 잃었습니다.",
        ],
    ),
];

/// Every passage with its own sentences, and with the others that say the same.
pub(super) fn pairs() -> Vec<(&'static Entry, &'static [&'static str])> {
    let verbatim = ENGLISH.iter().chain(KOREAN).map(|entry| (entry, entry.sentences));
    let english = REPHRASED_ENGLISH.iter().map(|(at, sentences)| (&ENGLISH[*at], *sentences));
    let korean = REPHRASED_KOREAN.iter().map(|(at, sentences)| (&KOREAN[*at], *sentences));
    verbatim.chain(english).chain(korean).collect()
}
